package tree

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestDiff: what a difference names, and nothing else, makes the new tree of the old one.
func TestDiff(t *testing.T) {
	key := rapid.OneOf(rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 3), rapid.SliceOfN(rapid.Byte(), 0, 5))
	rapid.Check(t, func(t *rapid.T) {
		change := func(tree Tree, label string) Tree {
			for range rapid.IntRange(0, 30).Draw(t, label) {
				if k := key.Draw(t, "key"); rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
					tree = tree.Delete(k)
				} else {
					tree = tree.Set(k, rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 1).Draw(t, "value"))
				}
			}
			return tree
		}
		old := change(Tree{}, "old")
		now := change(old, "changes")
		if rapid.Bool().Draw(t, "unrelated") {
			now = change(Tree{}, "now")
		}
		rebuilt, seen := old, make(map[string]bool)
		for k, value := range now.Diff(old) {
			if seen[string(k)] {
				t.Fatalf("key %x twice", k)
			}
			seen[string(k)] = true
			before, had := old.Get(k)
			if had == (value != nil) && bytes.Equal(before, value) {
				t.Fatalf("key %x has not changed", k)
			}
			if value == nil {
				rebuilt = rebuilt.Delete(k)
			} else {
				rebuilt = rebuilt.Set(k, value)
			}
		}
		if rebuilt.Root() != now.Root() || rebuilt.Len() != now.Len() {
			t.Fatalf("%d keys of root %x, want %d of %x", rebuilt.Len(), rebuilt.Root(), now.Len(), now.Root())
		}
	})
}
