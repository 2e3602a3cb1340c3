package tree

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestStream: a stream has the root that the tree with the same keys has, after each key;
// and takes keys in their order alone.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := make(map[string]string)
		for range rapid.IntRange(0, 30).Draw(t, "keys") {
			all[drawKey(t)] = rapid.String().Draw(t, "value")
		}
		var s Stream
		var tree Tree
		if got := s.Root(); got != tree.Root() {
			t.Fatalf("root %v of no keys, want %v", got, tree.Root())
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if err := s.Add([]byte(key), []byte(all[key])); err != nil {
				t.Fatal(err)
			}
			tree = tree.Set([]byte(key), []byte(all[key]))
			if got := s.Root(); got != tree.Root() {
				t.Fatalf("root %v with %d keys, want %v", got, tree.Len(), tree.Root())
			}
			if err := s.Add([]byte(key), nil); !errors.Is(err, ErrOrder) {
				t.Fatalf("the key %x twice: %v, want ErrOrder", key, err)
			}
		}
	})
}
