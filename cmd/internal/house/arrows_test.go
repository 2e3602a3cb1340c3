package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the project's root, seen from here.
const root = "../../.."

// TestArrows holds the imports of the code as it is against the rules.
func TestArrows(t *testing.T) {
	a, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if circle := a.circle(); circle != nil {
		t.Fatalf("arrows run in a circle: %s", strings.Join(circle, " → "))
	}
	for _, line := range rules.broken(a) {
		t.Error(line)
	}
}

// TestDrawing tells whether the drawing is that of the imports as they are.
func TestDrawing(t *testing.T) {
	a, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	want, err := embed(text, drawing(a))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s does not show the imports as they are: run make generate", document)
	}
}

func TestBroken(t *testing.T) {
	rules := arrows{"top": {"middle", "low"}, "middle": {"low"}, "low": {}}
	for _, test := range []struct {
		name string
		a    arrows
		want []string // how the sentences begin
	}{
		{"as they may be", arrows{"top": {"low"}, "middle": {"low"}, "low": {}}, nil},
		{"up", arrows{"top": {}, "middle": {}, "low": {"middle"}}, []string{"low imports middle"}},
		{"new room", arrows{"top": {}, "middle": {}, "low": {}, "new": {}}, []string{"new is a new room"}},
		{"gone", arrows{"top": {}, "middle": {}}, []string{"low is in rules.go"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := rules.broken(test.a)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got %q, want sentences that begin %q", got, test.want)
			}
		})
	}
}

func TestCircle(t *testing.T) {
	for _, test := range []struct {
		name string
		a    arrows
		want []string
	}{
		{"none", arrows{"a": {"b", "c"}, "b": {"c"}, "c": {}}, nil},
		{"two", arrows{"a": {"b"}, "b": {"a"}}, []string{"a", "b", "a"}},
		{"below", arrows{"a": {"b"}, "b": {"c"}, "c": {"b"}}, []string{"b", "c", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.a.circle(); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDrawingOfRooms(t *testing.T) {
	a := arrows{"top": {"low", "middle"}, "middle": {"low"}, "low": {}, "alone": {}}
	const want = "\n```mermaid\ngraph TD\n  top[\"top\"]\n  top --> middle\n  middle[\"middle\"]\n  middle --> low\n  low[\"low\"]\n```\n\n" +
		matrixText + "\n```text\n 1 low      1\n 2 middle   x  2\n 3 top      x  x  3\n```\n\n"
	if got := drawing(a); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
