package node_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTests expects that every test which docs/security.md names is there,
// and that every line of its tables names one.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the module is not in its repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`node([a-z/]*)\\.((?:Test|Fuzz|Benchmark)[A-Za-z0-9]+)`")
	names := named.FindAllSubmatch(text, -1)
	if len(names) == 0 {
		t.Fatal("names no test")
	}
	sources := make(map[string]string) // of the tests of a directory
	for _, name := range names {
		dir := "." + string(name[1])
		if _, ok := sources[dir]; !ok {
			files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, file := range files {
				source, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(source)
			}
			sources[dir] = all.String()
		}
		if !strings.Contains(sources[dir], "\nfunc "+string(name[2])+"(") {
			t.Errorf("there is no %s in node%s", name[2], name[1])
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|---") && !strings.HasPrefix(line, "| what |") && !named.MatchString(line) {
			t.Errorf("names no test: %s", line)
		}
	}
}
