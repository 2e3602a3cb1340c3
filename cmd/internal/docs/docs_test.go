//go:build linux

package docs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// requireVariable makes a missing tool a failure: where everything is meant to be
// tested, nothing may be skipped.
const requireVariable = "REDSTUFF_DOCS"

// failing are commands whose exit code is not 0, because the document shows how they
// find something.
var failing = map[string]int{
	"rs2d verify photo.rs2d": 1, // slivers are missing
	"rs2d-node status":       1, // a node is down
}

// TestCommands runs every command of a document from top to bottom, as a reader would,
// who has a clone of the project and a file photo.jpg.
func TestCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for _, tool := range []string{"bash", "curl", "od"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv(requireVariable) != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	// The script has no network: what has to be downloaded, is now.
	install := exec.Command("go", "install", "./cmd/...", "./cmd/rs2d-comet")
	install.Dir, install.Env = root, append(os.Environ(), "GOBIN="+bin)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	for _, test := range []struct {
		document string
		skip     string // how the block begins that is left out
	}{
		// The first block has the two commands of which the second runs this test.
		{"README.md", "go run ./cmd/rs2d-load --local"},
		{"docs/cluster.md", ""},
		{"docs/gateway.md", ""},
		{"docs/comet.md", ""},
		{"docs/operate.md", ""},
	} {
		t.Run(test.document, func(t *testing.T) {
			t.Parallel() // each has a network of its own, and mostly waits
			text, err := os.ReadFile(filepath.Join(root, test.document))
			if err != nil {
				t.Fatal(err)
			}
			all, err := blocks(string(text))
			if err != nil {
				t.Fatal(err)
			}
			script := preamble(root)
			commands := 0
			for _, b := range all {
				if test.skip != "" && strings.HasPrefix(b.text, test.skip) {
					continue
				}
				for i, line := range b.commands() {
					commands++
					script += fmt.Sprintf("printf '\\n%%s\\n' %s\n", quote(fmt.Sprintf("%s:%d: %s", test.document, b.line+i, line)))
					script += withCode(line) + "\n"
				}
			}
			if commands == 0 {
				t.Fatal("the document has no commands")
			}
			run(t, script, bin, strings.Contains(string(text), "copy.jpg"))
		})
	}
}

// preamble begins a script that stops at the first command that fails. go is run in
// the clone, and everything else in a directory of the reader's.
func preamble(root string) string {
	return "set -euo pipefail\ngo() { (cd " + quote(root) + " && command go \"$@\"); }\n"
}

// withCode returns the command, which must end with the code that it has in failing.
func withCode(line string) string {
	command, _, _ := strings.Cut(line, "  #")
	if code, ok := failing[strings.TrimSpace(command)]; ok {
		return fmt.Sprintf("code=0; %s || code=$?; [ $code = %d ]", strings.TrimSpace(command), code)
	}
	return line
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// run runs the script in a directory with a photo, of which it may make a copy.
func run(t *testing.T, script, bin string, copies bool) {
	t.Helper()
	dir := t.TempDir()
	photo := make([]byte, 3_000_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(photo)
	file := filepath.Join(t.TempDir(), "script")
	for name, data := range map[string][]byte{filepath.Join(dir, "photo.jpg"): photo, file: []byte(script)} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd, err := isolated(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "GOBIN="+bin, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v; the last command is the one that failed:\n%s", err, &out)
	}
	if !copies {
		t.Logf("%s", &out)
		return
	}
	if copied, err := os.ReadFile(filepath.Join(dir, "copy.jpg")); err != nil || !bytes.Equal(copied, photo) {
		t.Errorf("copy.jpg is not photo.jpg (error: %v)", err)
	}
	t.Logf("%s", &out)
}
