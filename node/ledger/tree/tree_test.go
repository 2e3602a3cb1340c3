package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRoots are roots computed by hand from the definition.
func TestRoots(t *testing.T) {
	leaf := func(key, value string) Hash { return leafHash([]byte(key), sha256.Sum256([]byte(value))) }
	for _, test := range []struct {
		name string
		keys []string // each has itself as its value
		want Hash
	}{
		{"empty", nil, Hash{}},
		{"one", []string{"a"}, leaf("a", "a")},
		// 'a' is 0110_0001 and 'b' 0110_0010: they differ in the seventh bit, behind the one
		// that says that there is a byte.
		{"two", []string{"b", "a"}, innerHash(7, leaf("a", "a"), leaf("b", "b"))},
		// A key that ends where the other goes on differs in the first bit of the next byte.
		{"prefix", []string{"ab", "a"}, innerHash(9, leaf("a", "a"), leaf("ab", "ab"))},
		{"three", []string{"b", "ab", "a"}, innerHash(7, innerHash(9, leaf("a", "a"), leaf("ab", "ab")), leaf("b", "b"))},
		{"empty key", []string{"", "a"}, innerHash(0, leaf("", ""), leaf("a", "a"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tree Tree
			for _, key := range test.keys {
				tree = tree.Set([]byte(key), []byte(key))
			}
			if got := tree.Root(); got != test.want {
				t.Errorf("root %x, want %x", got, test.want)
			}
		})
	}
}

// drawKey draws keys that are often prefixes of one another.
func drawKey(t *rapid.T) string {
	return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff}), 0, 4).Draw(t, "key"))
}

// sorted returns what the tree has from the key on.
func (t Tree) sorted(from string) (pairs []string) {
	for key, value := range t.From([]byte(from)) {
		pairs = append(pairs, fmt.Sprintf("%x=%x", key, value))
	}
	return pairs
}

// TestTreeModel compares a tree with a map, step by step. Old versions stay as they
// were, and the root depends on the contents alone.
func TestTreeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree Tree
		model := make(map[string]string)
		type version struct {
			tree  Tree
			model map[string]string
			root  Hash
		}
		var versions []version
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				key, value := drawKey(t), rapid.StringN(0, 3, 3).Draw(t, "value")
				tree, model[key] = tree.Set([]byte(key), []byte(value)), value
			},
			"delete": func(t *rapid.T) {
				key := drawKey(t)
				tree = tree.Delete([]byte(key))
				delete(model, key)
			},
			"keep": func(*rapid.T) {
				versions = append(versions, version{tree, maps.Clone(model), tree.Root()})
			},
			"": func(t *rapid.T) {
				versions := append(slices.Clone(versions), version{tree, model, tree.Root()})
				for _, v := range versions {
					if v.tree.Root() != v.root || v.tree.Len() != len(v.model) {
						t.Fatal("a version changed")
					}
					from := drawKey(t)
					var want []string
					for _, key := range slices.Sorted(maps.Keys(v.model)) {
						if key >= from {
							want = append(want, fmt.Sprintf("%x=%x", key, v.model[key]))
						}
					}
					if got := v.tree.sorted(from); !slices.Equal(got, want) {
						t.Fatalf("from %x on there is %v, want %v", from, got, want)
					}
				}
				var again Tree
				for key, value := range model { // in any order
					again = again.Set([]byte(key), []byte(value))
				}
				if again.Root() != tree.Root() {
					t.Fatal("the same contents have two roots")
				}
			},
		})
	})
}

// TestProofs: of any key, a proof shows the value or the absence, also after it was
// written and read, and it shows nothing else.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree Tree
		for range rapid.IntRange(0, 20).Draw(t, "keys") {
			tree = tree.Set([]byte(drawKey(t)), []byte(rapid.StringN(0, 3, 3).Draw(t, "value")))
		}
		root, key := tree.Root(), []byte(drawKey(t))
		data, err := tree.Prove(key).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var proof Proof
		if err := proof.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		want, has := tree.Get(key)
		got, ok, err := proof.Verify(root, key)
		if err != nil || ok != has || !bytes.Equal(got, want) {
			t.Fatalf("proven %x, %v (%v); want %x, %v", got, ok, err, want, has)
		}
		// About another key it may tell the truth, and nothing else.
		other := []byte(drawKey(t))
		want, has = tree.Get(other)
		if got, ok, err := proof.Verify(root, other); err == nil && (ok != has || !bytes.Equal(got, want)) {
			t.Fatalf("a proof for %x proves %x, %v of %x; want %x, %v", key, got, ok, other, want, has)
		}
		if len(data) == 0 {
			return
		}
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		var forged Proof
		if forged.UnmarshalBinary(data) != nil {
			return
		}
		want, has = tree.Get(key)
		if got, ok, err := forged.Verify(root, key); err == nil && (ok != has || !bytes.Equal(got, want)) {
			t.Fatalf("a changed proof proves %x, %v of %x; want %x, %v", got, ok, key, want, has)
		} else if err != nil && !errors.Is(err, ErrProof) {
			t.Fatalf("error %v, want ErrProof", err)
		}
	})
}

// FuzzProof reads proofs of strangers for a tree that they know: nothing false is ever
// proven.
func FuzzProof(f *testing.F) {
	var tree Tree
	for i := range 20 {
		tree = tree.Set([]byte{byte(i * 13), byte(i)}, []byte{byte(i)})
	}
	root := tree.Root()
	for _, key := range [][]byte{{0, 0}, {13, 1}, {1, 2, 3}, {}} {
		data, err := tree.Prove(key).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, key)
	}
	f.Fuzz(func(t *testing.T, data, key []byte) {
		var p Proof
		if err := p.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, ErrProof) {
				t.Fatalf("error %v, want ErrProof", err)
			}
			return
		}
		again, err := p.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read % x, wrote % x (%v)", data, again, err)
		}
		want, has := tree.Get(key)
		if got, ok, err := p.Verify(root, key); err == nil && (ok != has || !bytes.Equal(got, want)) {
			t.Fatalf("proven %x, %v of %x; want %x, %v", got, ok, key, want, has)
		}
	})
}

func BenchmarkSet(b *testing.B) {
	var tree Tree
	key := func(i int) []byte { h := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))); return h[:] }
	for i := range 100_000 {
		tree = tree.Set(key(i), key(i))
	}
	tree.Root()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tree.Set(key(i%100_000), key(i)).Root()
		i++
	}
}
