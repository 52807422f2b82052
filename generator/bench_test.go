package generator

import (
	"fmt"
	"testing"
)

// BenchmarkGenerate makes the units of one application of usual size.
func BenchmarkGenerate(b *testing.B) {
	src := Source{Path: "/home/me/.config/containers/systemd/web.ondemand", Text: []byte(`[Unit]
Description=A page

[Container]
Image=localhost/app:1
Exec=serve --port 80
Environment=A=1 B=2
Volume=%h/data:/data:Z
PublishPort=8080:80
ReadOnly=yes

[Service]
Restart=on-failure
`)}
	b.ReportAllocs()
	for b.Loop() {
		r := Generate([]Source{src}, noFiles, testOptions)
		for _, tree := range r.Trees {
			for _, u := range tree.Units {
				u.AppendText(nil)
			}
		}
	}
}

// BenchmarkMany makes those of a thousand and writes them.
func BenchmarkMany(b *testing.B) {
	var sources []Source
	for i := range 1000 {
		sources = append(sources, source(fmt.Sprintf("app%d", i), fmt.Sprintf("PublishPort=%d:80\n", 10000+i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		b.StartTimer()
		if ds := Write(dir, Generate(sources, noFiles, testOptions).Trees); len(ds) > 0 {
			b.Fatal(ds)
		}
	}
}
