package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// TestSentinelErrorsSayWhen holds the docs of errors that callers compare with to one
// form: «ErrX is returned when …», in which it is not asked who reads it where.
func TestSentinelErrorsSayWhen(t *testing.T) {
	sentinels := 0
	sources(t, func(folder, path string, _ []byte, file *ast.File) {
		if isTest(path) || !strings.HasPrefix(folder, "node") && !strings.HasPrefix(folder, "cmd") {
			return
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				spec := s.(*ast.ValueSpec)
				name := spec.Names[0].Name
				if !strings.HasPrefix(name, "Err") {
					continue
				}
				sentinels++
				doc := spec.Doc
				if doc == nil && len(g.Specs) == 1 {
					doc = g.Doc
				}
				want := regexp.MustCompile(`^` + name + ` is returned (by \S+ )?(when|for|from) `)
				if !want.MatchString(doc.Text()) {
					t.Errorf("%s: the doc of %s is %q, want «%s is returned when …»", path, name, doc.Text(), name)
				}
			}
		}
	})
	if sentinels < 30 {
		t.Errorf("%d errors were looked at", sentinels)
	}
}
