package compat

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exportedNames returns what the package in a directory exports, for any platform:
// functions, types, variables and constants, and methods of types as Type.Method.
// Methods of interfaces are part of the interface: see the conversions in swap_test.go.
func exportedNames(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.Type()&fs.ModeDir != 0 || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name == "main" {
			continue
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if !decl.Name.IsExported() {
					continue
				}
				if decl.Recv == nil {
					names[decl.Name.Name] = true
				} else if of := receiver(decl.Recv.List[0].Type); ast.IsExported(of) {
					names[of+"."+decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() {
							names[spec.Name.Name] = true
						}
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							if id.IsExported() {
								names[id.Name] = true
							}
						}
					}
				}
			}
		}
	}
	return names
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

var (
	nameRow     = regexp.MustCompile("^\\| ((?:`[A-Za-z0-9_.]+`(?:, )?)+) \\| (.*) \\|$")
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	counterpart = regexp.MustCompile(`\b(rs|gf)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)
)

// TestEveryName holds the list of names in docs/migrate.md against what
// klauspost/reedsolomon exports, and its counterparts against what this module exports.
func TestEveryName(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/klauspost/reedsolomon").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := exportedNames(t, strings.TrimSpace(string(out)))
	if len(theirs) < 50 {
		t.Fatalf("%d names in klauspost/reedsolomon; the test does not find them", len(theirs))
	}
	ours := map[string]map[string]bool{
		"rs": exportedNames(t, filepath.Join("..", "rs2d", "rs")),
		"gf": exportedNames(t, filepath.Join("..", "gf")),
	}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "migrate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(doc), "### Name by name\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("docs/migrate.md has no section \"Name by name\"")
	}
	listed := map[string]bool{}
	for line := range strings.Lines(section) {
		row := nameRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		for _, name := range codeSpan.FindAllStringSubmatch(row[1], -1) {
			if listed[name[1]] {
				t.Errorf("docs/migrate.md lists %s twice", name[1])
			}
			listed[name[1]] = true
		}
		has := counterpart.FindAllStringSubmatch(row[2], -1)
		if len(has) == 0 && !strings.HasPrefix(row[2], "**none**") && !strings.HasPrefix(row[2], "the default") {
			t.Errorf("docs/migrate.md names no counterpart of %s, and does not say **none**", row[1])
		}
		for _, name := range has {
			if !ours[name[1]][name[2]] {
				t.Errorf("docs/migrate.md names %s as a counterpart of %s; there is no such thing", name[0], row[1])
			}
		}
	}
	var missing, unknown []string
	for name := range theirs {
		if !listed[name] {
			missing = append(missing, name)
		}
	}
	for name := range listed {
		if !theirs[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(missing)
	slices.Sort(unknown)
	if len(missing) > 0 || len(unknown) > 0 {
		t.Errorf("docs/migrate.md leaves out %q, and lists %q, which klauspost/reedsolomon does not export", missing, unknown)
	}
}
