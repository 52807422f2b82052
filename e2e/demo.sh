#!/usr/bin/env bash
# The main job of podman-ondemand, shown to a person with the commands and the times: make demo.
#
# With a systemd user session and podman >= 4.4 it is shown right here, under names and ports that are free, and cleaned up.
# Otherwise root gets a test host (e2e/lab) for it. It ends with an error when a step is not as it says: it is a test too.
set -euo pipefail

# Both programs, podman-ondemand and the application for the container, lie here.
here=$(cd "$(dirname "$0")" && pwd)
readonly here
readonly bin=${DEMO_BIN:-$here/../bin}
readonly image=localhost/podman-ondemand-demo
readonly idle=3
PATH=$bin:$PATH

die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

# --- where it is shown -------------------------------------------------------------------------------------------------------

main() {
  if session_is_there; then
    story
  elif [ "$(id -u)" = 0 ]; then
    printf 'No systemd user session with podman here: showing it in a test host.\n'
    "$here/lab" install
    exec "$here/lab" with "demo-$$" "$here/demo.sh" in-lab "demo-$$"
  else
    die "this needs a systemd user session with podman >= 4.4 and curl, or root (then a test host is made)"
  fi
}

session_is_there() {
  [ "$(id -u)" != 0 ] && command -v curl >/dev/null && podman_is_new_enough &&
    case $(systemctl --user is-system-running 2>/dev/null) in running | degraded | starting) ;; *) false ;; esac
}

podman_is_new_enough() {
  local version
  version=$(podman version --format '{{.Client.Version}}' 2>/dev/null) || return
  [ "$(printf '%s\n' 4.4 "$version" | sort -V | head -n 1)" = 4.4 ]
}

# The same story as demo's, with nothing there but this script and the two programs.
in_lab() {
  local name=$1 dir
  dir=$("$here/lab" root "$name")/usr/local/lib/demo
  mkdir -p "$dir"
  cp "$here/demo.sh" "$bin/podman-ondemand" "$bin/testapp" "$dir/"
  "$here/lab" sh "$name" DEMO_BIN=/usr/local/lib/demo /usr/local/lib/demo/demo.sh
}

# --- what is shown -----------------------------------------------------------------------------------------------------------

story() {
  choose_names
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  build_image
  show_install
  show_first_request
  show_idle_stop
  show_second_request
  show_change_of_port
  show_removal
  printf '\nAll of it was as it should be.\n'
}

show_install() {
  if [ -e "$generator" ]; then
    step "podman-ondemand is installed for this user already"
    return
  fi
  step "Install it, without root"
  installed=yes
  run podman-ondemand install
}

show_first_request() {
  step "One file"
  write_file "$port"
  step "One command, and the port listens, with nothing behind it"
  run systemctl --user daemon-reload
  within 5 "port $port listens" socket_is active
  run podman ps --format '{{.Names}} {{.Status}}' --filter "name=systemd-$app"
  step "The first request starts the container and is answered"
  request "$port"
  run podman ps --format '{{.Names}}  {{.Status}}' --filter "name=systemd-$app"
  is_running || die "the container does not run"
  before=$(container_id)
  step "The next one finds it awake"
  request "$port"
}

show_idle_stop() {
  local start=$EPOCHREALTIME
  step "Nobody asks for $idle s: the container is gone, no process of ours is left"
  within $((idle + 12)) "the container stops when idle" asleep
  note "$(seconds_since "$start") s after the last answer:"
  run podman ps --format '{{.Names}}  {{.Status}}' --filter "name=systemd-$app"
  run_any systemctl --user is-active "$app.socket" "$app-proxy.service" "$app.service"
  if [ "$others" = 0 ]; then
    run_any ps -C podman-ondemand -o args
    [ "$(processes)" = 0 ] || die "there is still a process of ours"
  fi
}

show_second_request() {
  step "The second request wakes it again"
  request "$port"
  [ "$(container_id)" != "$before" ] || die "it is the same container as before"
}

show_change_of_port() {
  step "Another port: change the file, reload"
  write_file "$new_port"
  run systemctl --user daemon-reload
  within 5 "port $port does not listen any more" refused "$port"
  within 5 "port $new_port listens" socket_is active
  request "$new_port"
  request_refused "$port"
}

show_removal() {
  step "Remove the file, reload: nothing listens"
  run rm "$file"
  run systemctl --user daemon-reload
  within 5 "the socket is gone" socket_is inactive
  request_refused "$new_port"
}

# --- the application ---------------------------------------------------------------------------------------------------------

# A name and two ports that nothing here has.
choose_names() {
  local config=${XDG_CONFIG_HOME:-$HOME/.config}
  generator=$config/systemd/user-generators/podman-ondemand
  app=web
  if [ -e "$config/containers/systemd/web.ondemand" ] || is_known web.service || is_known web.socket; then app=web-demo-$$; fi
  file=$config/containers/systemd/$app.ondemand
  port=$(free_port 8080)
  new_port=$(free_port $((port + 1)))
  others=$(processes)
  installed=no
}

is_known() { [ "$(systemctl --user show --value -p LoadState "$1")" != not-found ]; }

free_port() {
  local port=$1
  while ! refused "$port"; do port=$((port + 1)); done
  printf '%s\n' "$port"
}

refused() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Nothing has to be pulled: the image is one static program.
build_image() {
  local dir
  dir=$(mktemp -d)
  cp "$bin/testapp" "$dir/"
  printf 'FROM scratch\nCOPY testapp /testapp\nENTRYPOINT ["/testapp"]\n' >"$dir/Containerfile"
  podman build --quiet --tag "$image" "$dir" >/dev/null
  rm -r "$dir"
}

write_file() {
  shown "cat >${file/#"$HOME"/\~} <<EOF"
  mkdir -p "$(dirname "$file")"
  printf '%s\n' '[Container]' "Image=$image" "PublishPort=$1:80" '[OnDemand]' "IdleTimeout=${idle}s" | tee "$file"
  printf 'EOF\n'
}

socket_is() { [ "$(systemctl --user is-active "$app.socket")" = "$1" ]; }
container_id() { podman ps -q --filter "name=^systemd-$app\$"; }
is_running() { [ -n "$(container_id)" ]; }
asleep() { ! is_running && [ "$(systemctl --user is-active "$app-proxy.service" "$app.service" | sort -u)" = inactive ]; }
processes() { pgrep -c -x podman-ondemand || true; }

# Leaves nothing, whatever happened before.
clean_up() {
  local unit
  rm -f "$file"
  [ "$installed" = no ] || podman-ondemand uninstall >/dev/null 2>&1 || printf 'demo: "podman-ondemand uninstall" failed\n' >&2
  systemctl --user daemon-reload || true
  for unit in "$app.socket" "$app-proxy.service" "$app.service"; do
    systemctl --user stop "$unit" 2>/dev/null || true
    systemctl --user reset-failed "$unit" 2>/dev/null || true
  done
  podman rm -f -i -t 0 "systemd-$app" >/dev/null 2>&1 || true
  podman rmi -f -i "$image" >/dev/null 2>&1 || true
}

# --- how it is shown ---------------------------------------------------------------------------------------------------------

step() { printf '\n# %s\n' "$*"; }
note() { printf '  (%s)\n' "$*"; }
shown() { printf '$ %s\n' "$*"; }

# Shows a command as a person would type it, and its output, at most 80 columns wide.
run() { show "$@" || die "that failed"; }

# The same for a command whose exit status means nothing here.
run_any() { show "$@" || true; }

show() {
  shown "$(typed "$@")"
  "$@" 2>&1 | fold -s -w 80
}

typed() {
  local word line=
  for word in "$@"; do
    case $word in *[\ {}]*) word="'$word'" ;; esac
    line+=" $word"
  done
  printf '%s\n' "${line# }"
}

# The time is that of curl, from connect to the end of the answer.
request() {
  local url=http://localhost:$1/hello took
  shown "curl $url"
  took=$(curl -sS --max-time 20 -w '%{stderr}%{time_total}' "$url" 2>&1 >&3) || die "not answered: $took"
  note "$took s from connect to answer"
} 3>&1

request_refused() {
  shown "curl http://localhost:$1/hello"
  ! curl -sS --max-time 20 "http://localhost:$1/hello" 2>&1 | fold -s -w 80 || die "port $1 still answers"
}

# within SECONDS WHAT CMD...: waits until CMD succeeds.
within() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -le $end ] || die "not so: $what"
    sleep 0.05
  done
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

case ${1-} in
  in-lab) in_lab "$2" ;;
  *) main ;;
esac
