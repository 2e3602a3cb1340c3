package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const library = "github.com/redstuff-go/redstuff"

// TestConsumer builds a program outside of any workspace that imports rs2d/rs and
// nothing else, runs it, and lists the modules it was linked from.
//
// The test downloads nothing. It requires the versions that this test itself was built
// with, because those alone are certain to be in the module cache: a workspace selects
// higher ones than the library's go.mod names.
func TestConsumer(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(dir string, env []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	requirements := new(strings.Builder)
	used := command(root, nil, "go", "list", "-deps", "-f", "{{with .Module}}{{if .Version}}{{.Path}} {{.Version}}{{end}}{{end}}", "./rs2d/rs")
	seen := make(map[string]bool)
	for line := range strings.Lines(used) {
		if line = strings.TrimSpace(line); line != "" && !seen[line] {
			seen[line] = true
			fmt.Fprintf(requirements, "require %s\n", line)
		}
	}
	for name, text := range map[string]string{
		"go.mod": "module example.org/consumer\n\ngo 1.25.0\n\n" + requirements.String() +
			"require " + library + " v0.0.0\n\nreplace " + library + " => " + root + "\n",
		"main.go": `package main

import (
	"fmt"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

func main() {
	codec, err := rs.New(300, 100)
	if err != nil {
		panic(err)
	}
	shards, err := codec.Split([]byte("any data"))
	if err != nil {
		panic(err)
	}
	if err := codec.Encode(shards); err != nil {
		panic(err)
	}
	fmt.Println(codec.Verify(shards))
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// GOSUMDB is off because what is in the cache was verified when it was downloaded.
	run := func(name string, args ...string) string {
		t.Helper()
		return command(dir, []string{"GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off"}, name, args...)
	}
	program := filepath.Join(dir, "consumer")
	run("go", "build", "-o", program, ".")
	if out := strings.TrimSpace(run(program)); out != "true <nil>" {
		t.Fatalf("the program printed %q", out)
	}
	var modules []string
	for line := range strings.Lines(run("go", "version", "-m", program)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "dep" {
			modules = append(modules, fields[1])
		}
	}
	slices.Sort(modules)
	t.Logf("linked modules: %s", strings.Join(modules, ", "))
	if len(modules) == 0 || len(modules) > 3 {
		t.Errorf("%d modules linked; want no more than three", len(modules))
	}
}
