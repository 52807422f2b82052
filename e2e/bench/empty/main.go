// Empty is the floor that the program's start is measured against: a Go program that does nothing.
package main

func main() {}
