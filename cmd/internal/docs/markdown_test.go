package docs

import (
	"fmt"
	"strings"
	"testing"
)

// block is a fenced block of a document.
type block struct {
	line     int    // number of its first line
	language string // what stands behind the fence
	text     string
}

// blocks returns the fenced blocks of a document in Markdown. It fails if the last one
// has no end.
func blocks(markdown string) (all []block, err error) {
	var open *block
	number := 0
	for line := range strings.Lines(markdown) {
		number++
		fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case !ok && open != nil:
			open.text += line
		case !ok:
		case open == nil:
			open = &block{line: number + 1, language: fence}
		default:
			all, open = append(all, *open), nil
		}
	}
	if open != nil {
		return nil, fmt.Errorf("block at line %d has no end", open.line)
	}
	return all, nil
}

// commands returns what a reader of the block would type: all of a block in sh, or the
// lines of any other that begin with "$ ".
func (b block) commands() (lines []string) {
	for line := range strings.Lines(b.text) {
		line = strings.TrimRight(line, "\n")
		typed, prompted := strings.CutPrefix(line, "$ ")
		switch {
		case prompted:
			lines = append(lines, typed)
		case b.language == "sh":
			lines = append(lines, line)
		}
	}
	return lines
}

func TestBlocks(t *testing.T) {
	for _, test := range []struct {
		name, markdown string
		want           []string
	}{
		{"sh", "text\n```sh\na\nb   # why\n```\n", []string{"a", "b   # why"}},
		{"prompt", "```\n$ a b\noutput\n```\n", []string{"a b"}},
		{"output alone", "```\noutput\n```\n", nil},
		{"other language", "```go\nx := 1\n```\n", nil},
		{"two", "```sh\na\n```\n```sh\nb\n```\n", []string{"a", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, err := blocks(test.markdown)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range all {
				got = append(got, b.commands()...)
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := blocks("```sh\na\n"); err == nil {
		t.Error("a block without an end gives no error")
	}
}
