package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

const deploy = "../../deploy/"

// instructions returns those of a Dockerfile: the word that each begins with, and the rest.
func instructions(t *testing.T, file string) (all [][2]string) {
	t.Helper()
	text := strings.ReplaceAll(read(t, file), "\\\n", " ")
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && !strings.HasPrefix(word, "#") {
			all = append(all, [2]string{word, strings.TrimSpace(rest)})
		}
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// parse parses a command line, but for the file of settings, which is not there. It returns what
// the command would run with.
func parse(t *testing.T, args []string) (command string, g *grammar) {
	t.Helper()
	args = slices.Clone(args)
	i := slices.Index(args, "--config")
	if i < 0 || i+1 == len(args) || !path.IsAbs(args[i+1]) {
		t.Fatalf("%q has no settings, want --config and a whole path", args)
	}
	args = slices.Delete(args, i, i+2)
	g = new(grammar)
	parser, err := kong.New(g)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return parsed.Command(), g
}

// TestDockerfile holds the image's file against the tree: it builds what it copies from programs
// that are there, and runs one of them with flags that it has, as nobody who may do more.
func TestDockerfile(t *testing.T) {
	file := deploy + "Dockerfile"
	var stages []string
	made, copied := make(map[string]bool), make(map[string]string) // in the first stage; in the image, by whom it is owned
	words := make(map[string][]string)                             // of the image
	for _, in := range instructions(t, file) {
		word, rest := in[0], in[1]
		fields := strings.Fields(rest)
		switch {
		case word == "FROM":
			stages = append(stages, rest)
		case word == "RUN" && strings.Contains(rest, "go build"):
			for _, p := range fields {
				if dir, ok := strings.CutPrefix(p, "./"); ok {
					if main, err := filepath.Glob("../../" + dir + "/main.go"); err != nil || len(main) != 1 {
						t.Errorf("%s is built, and there is no such program", dir)
					}
					made["/out/"+path.Base(dir)] = true
				}
			}
		case word == "RUN" && fields[0] == "mkdir":
			for _, dir := range fields[1:] {
				made[dir] = true
			}
		case word == "COPY" && len(stages) == 2:
			owner := "root"
			for strings.HasPrefix(fields[0], "--") {
				if v, ok := strings.CutPrefix(fields[0], "--chown="); ok {
					owner = v
				} else if fields[0] != "--from=build" {
					t.Errorf("COPY %s, want --from=build", rest)
				}
				fields = fields[1:]
			}
			to := fields[len(fields)-1]
			for _, from := range fields[:len(fields)-1] {
				if !made[from] {
					t.Errorf("%s is copied, and nothing makes it", from)
				}
				name := to
				if strings.HasSuffix(to, "/") {
					name += path.Base(from)
				}
				copied[name] = owner
			}
		case len(stages) == 2:
			words[word] = append(words[word], rest)
		}
	}
	if len(stages) != 2 || stages[1] != "scratch" {
		t.Fatalf("stages %q, want one that builds, and one from scratch", stages)
	}
	want := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))[1]
	if got := regexp.MustCompile(`^golang:(1\.\d+) AS build$`).FindStringSubmatch(stages[0]); got == nil || minor(t, got[1]) < minor(t, want) {
		t.Errorf("built by %q, want golang of at least %s AS build", stages[0], want)
	}
	one := func(word string) string {
		if len(words[word]) != 1 {
			t.Fatalf("%s is there %d times, want once", word, len(words[word]))
		}
		return words[word][0]
	}
	user := one("USER")
	if id, err := strconv.Atoi(strings.Split(user, ":")[0]); err != nil || id == 0 {
		t.Errorf("runs as %s, want a number that is not root's", user)
	}
	// Files of longer blobs are spooled where temporary files are, which an image from scratch does not have.
	for _, dir := range []string{one("VOLUME"), "/tmp"} {
		if copied[dir] != user {
			t.Errorf("%s is %s's, want %s's, who writes there", dir, copied[dir], user)
		}
	}
	var entry, command []string
	for word, list := range map[string]*[]string{"ENTRYPOINT": &entry, "CMD": &command} {
		if err := json.Unmarshal([]byte(one(word)), list); err != nil {
			t.Fatalf("%s is no list: there is no shell in the image: %v", word, err)
		}
	}
	if len(entry) != 1 || copied[entry[0]] != "root" || path.Base(entry[0]) != "rs2d-node" {
		t.Errorf("runs %q, want rs2d-node, which was copied: %v", entry, copied)
	}
	name, g := parse(t, command)
	if name != "run" {
		t.Errorf("runs %s %s, want that it runs a node", entry, name)
	}
	if port := firstPort(t); one("EXPOSE") != strconv.Itoa(port) {
		t.Errorf("exposes %s, want the port that init gives a node, %d", one("EXPOSE"), port)
	}
	if one("STOPSIGNAL") != "SIGTERM" {
		t.Errorf("is ended by %s, want what a node ends by in peace", one("STOPSIGNAL"))
	}
	stop := regexp.MustCompile(`--stop-timeout (\d+)`).FindStringSubmatch(read(t, file))
	if stop == nil || seconds(t, stop[1]) <= g.Run.Grace {
		t.Errorf("says to run it with %q, want longer than a node takes to end, %v", stop, g.Run.Grace)
	}
}

// firstPort returns the port that init gives the first node.
func firstPort(t *testing.T) int {
	t.Helper()
	g := new(grammar)
	parser, err := kong.New(g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"init", "cluster"}); err != nil {
		t.Fatal(err)
	}
	return g.Init.Port
}

// minor returns the number behind the point of a version of Go.
func minor(t *testing.T, version string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimPrefix(version, "1."))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}

// TestUnit holds the service against the program that it runs, and has systemd read it where there
// is one.
func TestUnit(t *testing.T) {
	file := deploy + "systemd/rs2d-node.service"
	set := make(map[string]string)
	for line := range strings.Lines(read(t, file)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			set[key] = value
		}
	}
	run := strings.Fields(set["ExecStart"])
	if len(run) == 0 || path.Base(run[0]) != "rs2d-node" {
		t.Fatalf("runs %q, want rs2d-node", run)
	}
	name, g := parse(t, run[1:])
	if name != "run" {
		t.Errorf("runs %s, want a node", name)
	}
	for key, want := range map[string]string{
		"Type": "notify", "NotifyAccess": "main", "Restart": "always", "RestartPreventExitStatus": strconv.Itoa(cli.Unusable),
		"Documentation": "man:rs2d-node(1)", "DynamicUser": "yes", "WantedBy": "multi-user.target",
	} {
		if set[key] != want {
			t.Errorf("%s=%s, want %s", key, set[key], want)
		}
	}
	if got := seconds(t, set["TimeoutStopSec"]); got <= g.Run.Grace {
		t.Errorf("TimeoutStopSec is %v, want longer than a node takes to end, %v", got, g.Run.Grace)
	}
	if got := seconds(t, set["WatchdogSec"]); got < 3*statusEvery {
		t.Errorf("WatchdogSec is %v, want three times at least the %v between two words of a node", got, statusEvery)
	}
	if _, err := os.Stat(deploy + "man/rs2d-node.1"); err != nil {
		t.Error(err)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("held against the program, and not read by systemd: ", err)
	}
	unit := filepath.Join(t.TempDir(), "rs2d-node.service")
	text := strings.ReplaceAll(read(t, file), run[0], "/bin/sh") // it wants one that is installed
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
