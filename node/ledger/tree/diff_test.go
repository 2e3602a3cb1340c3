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

// TestEmptyValues: an empty value is a value wherever it comes out, and nil is none.
func TestEmptyValues(t *testing.T) {
	key := []byte("key")
	for name, value := range map[string][]byte{"nil": nil, "empty": {}} {
		tree := Tree{}.Set(key, value)
		if got, ok := tree.Get(key); !ok || got == nil || len(got) > 0 {
			t.Errorf("%s: Get returns %#v, %v", name, got, ok)
		}
		for _, pairs := range []func(func(k, v []byte) bool){tree.From(nil), tree.Diff(Tree{})} {
			n := 0
			for k, v := range pairs {
				if n++; !bytes.Equal(k, key) || v == nil || len(v) > 0 {
					t.Errorf("%s: %q with %#v", name, k, v)
				}
			}
			if n != 1 {
				t.Errorf("%s: %d keys, want 1", name, n)
			}
		}
		for _, v := range (Tree{}).Diff(tree) {
			if v != nil {
				t.Errorf("%s: a key that is gone has %#v", name, v)
			}
		}
	}
}
