// Package kernel reads from the source of package gf16 which kernels there are, what they
// take, and which function in Go each of them works like. The generators of all
// instruction sets have it from here, so that it is described once: where it is called.
package kernel

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// Kernel is a field of the table of kernels.
type Kernel struct {
	Name   string
	Params string // as Go's source has them
	Plain  string // the same in types that need no package, structures field by field
	Doc    string // of a function that implements it, without its name
}

// Set is all kernels of a package, in the order of its table.
type Set struct {
	Package string
	Kernels []Kernel
}

// Read reads the kernels from the sources in a directory: the fields of the type kernels
// that are functions without results, and the variable genericKernels.
func Read(dir string) (*Set, error) {
	set := new(Set)
	files := token.NewFileSet()
	types := make(map[string]ast.Expr)
	generic := make(map[string]string)
	for _, name := range []string{"kernels.go", "kernels_generic.go"} {
		file, err := parser.ParseFile(files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		set.Package = file.Name.Name
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				types[n.Name.Name] = n.Type
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok {
					generic[key.Name] = function(n.Value)
				}
			}
			return true
		})
	}
	table, ok := types["kernels"].(*ast.StructType)
	if !ok {
		return nil, fmt.Errorf("%s: no structure is named kernels", dir)
	}
	for _, field := range table.Fields.List {
		t := field.Type
		if alias, ok := t.(*ast.Ident); ok {
			t = types[alias.Name]
		}
		f, ok := t.(*ast.FuncType)
		if !ok || f.Results != nil {
			continue
		}
		var params, plain []string
		for _, p := range f.Params.List {
			params = append(params, list("", p, text(files, p.Type)))
			plain = append(plain, plainly(files, types, p)...)
		}
		for _, name := range field.Names {
			doc := "is the kernel " + name.Name + ", which only some backends have."
			if like := generic[name.Name]; like != "" {
				doc = "works like " + like + "."
			}
			set.Kernels = append(set.Kernels, Kernel{name.Name, strings.Join(params, ", "), strings.Join(plain, ", "), doc})
		}
	}
	return set, nil
}

// function returns the name of a function, or of the one that makes it.
func function(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.CallExpr:
		return function(e.Fun)
	}
	return ""
}

// plainly writes a parameter in plain types.
func plainly(files *token.FileSet, types map[string]ast.Expr, p *ast.Field) []string {
	t := text(files, p.Type)
	structure, ok := types[t].(*ast.StructType)
	if !ok {
		return []string{list("", p, plainType(t))}
	}
	var fields []string
	for _, field := range structure.Fields.List {
		fields = append(fields, list(p.Names[0].Name+"_", field, plainType(text(files, field.Type))))
	}
	return fields
}

func plainType(t string) string {
	switch t {
	case "unsafe.Pointer", "*[]byte":
		return "*byte"
	}
	return strings.ReplaceAll(t, "Elem", "uint16")
}

func list(prefix string, field *ast.Field, t string) string {
	names := make([]string, len(field.Names))
	for i, name := range field.Names {
		names[i] = prefix + name.Name
	}
	return strings.Join(names, ", ") + " " + t
}

func text(files *token.FileSet, e ast.Expr) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, files, e); err != nil {
		panic(err)
	}
	return b.String()
}

// Of returns a kernel by its name.
func (s *Set) Of(name string) Kernel {
	i := slices.IndexFunc(s.Kernels, func(k Kernel) bool { return k.Name == name })
	if i < 0 {
		panic("no kernel is named " + name)
	}
	return s.Kernels[i]
}

// Backend is an instruction set's table of kernels.
type Backend struct {
	Name        string            // in internal/cpu
	Suffix      string            // of its own kernels' names
	Doc         string            // what it does, after the name of its table
	Table, Rows string            // functions that make its tables of constants
	Kernels     map[string]string // by kernel: the suffix of the function, its own or another backend's
}

// Declare writes the variable that holds the table.
func (s *Set) Declare(b Backend) string {
	var w strings.Builder
	fmt.Fprintf(&w, "import \"unsafe\"\n\n// kernels%s %s.\nvar kernels%s = &kernels{\n\tname: %q,\n", b.Suffix, b.Doc, b.Suffix, b.Name)
	fmt.Fprintf(&w, "\ttable: func() unsafe.Pointer { return unsafe.Pointer(%s()) },\n", b.Table)
	fmt.Fprintf(&w, "\trowTable: func() unsafe.Pointer { return unsafe.Pointer(%s()) },\n", b.Rows)
	for _, k := range s.Kernels {
		if suffix, ok := b.Kernels[k.Name]; ok {
			fmt.Fprintf(&w, "\t%s: %s%s,\n", k.Name, k.Name, suffix)
		}
	}
	w.WriteString("}\n")
	return w.String()
}
