// Command tidy rewrites assembly files that avo wrote, without the blank line that it has
// before every label, and without the list of what instructions each function requires,
// which the name of the function's backend says.
package main

import (
	"bytes"
	"log"
	"os"
)

func main() {
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, tidy(text), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// tidy returns the text without these lines.
func tidy(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	var kept [][]byte
	for i, line := range lines {
		beforeLabel := i+1 < len(lines) && bytes.HasSuffix(lines[i+1], []byte(":\n"))
		if len(line) == 1 && beforeLabel || bytes.HasPrefix(line, []byte("// Requires: ")) {
			continue
		}
		kept = append(kept, line)
	}
	return bytes.Join(kept, nil)
}
