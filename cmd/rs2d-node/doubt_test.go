package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

// TestDoubt: without challenges there is nothing to doubt, and a key of no node says nothing.
func TestDoubt(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct {
		name, want string
		key        int
	}{
		{"no challenges", "no light challenge was passed last", 0},
		{"no node", "is the key of no node", 3},
	} {
		err := (&doubtCmd{Ledger: s.url, Key: s.file(s.keys[test.key])}).Run(&cli.App{Ctx: t.Context(), Stdout: new(bytes.Buffer)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
