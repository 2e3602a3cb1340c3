package main

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// public are the packages of the library that anyone may import.
var public = []string{"commit", "gf", "rs2d", "rs2d/rs"}

// TestNoInternalTypes finds exported functions and methods of public packages that take or
// return a type which their callers cannot name.
func TestNoInternalTypes(t *testing.T) {
	seen := 0
	sources(t, func(folder, name string, _ []byte, file *ast.File) {
		if isTest(name) || !slices.Contains(public, folder) {
			return
		}
		internal := make(map[string]bool) // names of imports
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(imported, "/internal/") {
				as := path.Base(imported)
				if spec.Name != nil {
					as = spec.Name.Name
				}
				internal[as] = true
			}
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Recv != nil && !ast.IsExported(receiverName(f.Recv.List[0].Type)) {
				continue
			}
			seen++
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && internal[x.Name] {
						t.Errorf("%s: %s speaks of %s.%s, which its callers cannot name", name, f.Name.Name, x.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	})
	if seen < 100 {
		t.Errorf("%d exported functions in %v: has the test lost its way?", seen, public)
	}
}
