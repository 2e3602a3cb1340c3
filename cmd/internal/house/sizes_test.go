package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Bounds of what one reader takes in at a time.
const (
	maxLines   = 500 // of a file that is not a test
	maxMethods = 20  // of a type
	maxSpread  = 2   // files that the methods of a type stand in
)

// generated is how generated files begin. They are read by nobody.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// sources calls f with each file of Go that people write, in packages by folders.
func sources(t *testing.T, f func(folder, path string, text []byte, file *ast.File)) {
	t.Helper()
	everySource(t, func(folder, path string, text []byte, file *ast.File) {
		if !generated.Match(text) {
			f(folder, path, text, file)
		}
	})
}

// everySource does so with generated files too.
func everySource(t *testing.T, f func(folder, path string, text []byte, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(filepath.Dir(path)), filepath.ToSlash(path), text, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

// outgrown are the types that are larger than the bounds, as large as they are now: they
// may shrink, and not grow. A type that has come within the bounds leaves the list.
var outgrown = map[string]struct{ methods, spread int }{}

// TestSizes holds files and types to sizes that one reader takes in.
func TestSizes(t *testing.T) {
	type receiver struct{ folder, name string }
	methods := make(map[receiver]map[string]bool)
	files := make(map[receiver]map[string]bool)
	add := func(sets map[receiver]map[string]bool, to receiver, element string) {
		if sets[to] == nil {
			sets[to] = make(map[string]bool)
		}
		sets[to][element] = true
	}
	sources(t, func(folder, path string, text []byte, file *ast.File) {
		if isTest(path) {
			return
		}
		if lines := strings.Count(string(text), "\n"); lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: is it about two things?", path, lines, maxLines)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			to := receiver{folder, receiverName(f.Recv.List[0].Type)}
			add(methods, to, f.Name.Name)
			add(files, to, strings.TrimSuffix(platform.ReplaceAllString(path, ".go"), ".go"))
		}
	})
	left := maps.Clone(outgrown)
	for to, names := range methods {
		name := to.folder + "." + to.name
		in := files[to]
		bound, grown := outgrown[name]
		if !grown {
			bound.methods, bound.spread = maxMethods, maxSpread
		} else if len(names) > maxMethods || len(in) > maxSpread {
			delete(left, name)
		}
		if len(names) > bound.methods {
			t.Errorf("%s has %d methods, more than %d: is it two types?", name, len(names), bound.methods)
		}
		if len(in) > bound.spread {
			t.Errorf("methods of %s stand in %d files, more than %d: %v", name, len(in), bound.spread, slices.Sorted(maps.Keys(in)))
		}
	}
	for name := range left {
		t.Errorf("%s is within the bounds: take it off the list of those that are not", name)
	}
}

// platform is the end of the names of files for some systems only. Such files are the
// same thing on each of them.
var platform = regexp.MustCompile(`_(linux|unix|other|amd64|arm64|noasm|generic)\.go$`)

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// TestPackageDocs finds packages that do not say what they are.
func TestPackageDocs(t *testing.T) {
	documented := make(map[string]bool)
	sources(t, func(folder, path string, _ []byte, file *ast.File) {
		if !isTest(path) {
			documented[folder] = documented[folder] || file.Doc != nil
		}
	})
	for _, folder := range slices.Sorted(maps.Keys(documented)) {
		if !documented[folder] {
			t.Errorf("package in %s has no doc", folder)
		}
	}
}

// likeness is how the comment of a stub of assembly names the function that it equals.
var likeness = regexp.MustCompile(`works like (\w+)`)

// TestStubs finds comments that send the reader to a function that is not there.
func TestStubs(t *testing.T) {
	declared := make(map[string]map[string]bool)
	type reference struct{ folder, path, name string }
	var references []reference
	everySource(t, func(folder, path string, _ []byte, file *ast.File) {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if declared[folder] == nil {
				declared[folder] = make(map[string]bool)
			}
			declared[folder][f.Name.Name] = true
			for _, match := range likeness.FindAllStringSubmatch(f.Doc.Text(), -1) {
				references = append(references, reference{folder, path, match[1]})
			}
		}
	})
	if len(references) == 0 {
		t.Fatal("no comment says what a stub works like")
	}
	for _, r := range references {
		if !declared[r.folder][r.name] {
			t.Errorf("%s: a comment says «works like %s», which is not in %s", r.path, r.name, r.folder)
		}
	}
}
