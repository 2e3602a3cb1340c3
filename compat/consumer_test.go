package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestConsumer builds a program outside of any workspace that imports rs2d/rs and
// nothing else, runs it, and lists the modules it was linked from.
func TestConsumer(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The versions are those of the library, whose go.sum has their hashes too.
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.sum": string(sum),
		"go.mod": "module example.org/consumer\n\ngo 1.25.0\n\nrequire github.com/redstuff-go/redstuff v0.0.0\n\nreplace github.com/redstuff-go/redstuff => " + root + "\n",
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
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
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
