// Command house draws the project's rooms and the arrows between them into
// docs/architecture.md, from the imports of the code as it is. Its tests hold the house
// rules: which arrows there may be, and how large files and types get.
//
//	go run ./cmd/internal/house
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// document is where the drawing stands, from the root of the project.
const document = "docs/architecture.md"

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(2)
	}
}

// run draws anew the rooms of the project that has its root in dir.
func run(dir string) error {
	name := filepath.Join(dir, filepath.FromSlash(document))
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	arrows, err := load(dir)
	if err != nil {
		return err
	}
	text, err := embed(old, drawing(arrows))
	if err != nil || bytes.Equal(text, old) {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// Lines between which the drawing stands.
const (
	begin = "<!-- drawn from the imports by `make generate` -->\n"
	end   = "<!-- end of the drawing -->\n"
)

// embed returns the document with the drawing between its two lines.
func embed(text []byte, drawing string) ([]byte, error) {
	head, rest, ok := bytes.Cut(text, []byte(begin))
	if ok {
		_, rest, ok = bytes.Cut(rest, []byte(end))
	}
	if !ok {
		return nil, fmt.Errorf("%s lacks the lines between which the drawing stands: %q and %q", document, begin, end)
	}
	return []byte(string(head) + begin + drawing + end + string(rest)), nil
}
