package commit

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestProofs(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 10, 17, 33, 100} {
			leaves := randomHashes(n, 10)
			tree := h.NewTree(leaves)
			claims := make([]Claim, n)
			for i := range leaves {
				claims[i] = Claim{Root: tree.Root(), Leaf: leaves[i], Index: i, Proof: tree.Proof(i)}
				if err := h.VerifyProof(tree.Root(), leaves[i], i, n, claims[i].Proof); err != nil {
					t.Fatalf("leaf %d of %d: %v", i, n, err)
				}
			}
			if errs := h.VerifyProofs(claims, n); errs != nil {
				t.Fatalf("%d leaves: VerifyProofs = %v", n, errs)
			}
		}
	})
}

func TestVerifyProofRefuses(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	const n, index = 10, 6
	leaves := randomHashes(n, 11)
	tree := h.NewTree(leaves)
	good := Claim{Root: tree.Root(), Leaf: leaves[index], Index: index, Proof: tree.Proof(index)}
	inner := h.Node(leaves[6], leaves[7])
	tests := []struct {
		name   string
		leaves int
		change func(c *Claim)
		want   error
	}{
		{"negative index", n, func(c *Claim) { c.Index = -1 }, ErrProofIndex},
		{"index past the end", n, func(c *Claim) { c.Index = n }, ErrProofIndex},
		{"no leaves", 0, func(c *Claim) { c.Index = 0 }, ErrProofIndex},
		{"negative leaves", -5, func(c *Claim) { c.Index = 0 }, ErrProofIndex},
		{"empty path", n, func(c *Claim) { c.Proof = nil }, ErrProofLength},
		{"short path", n, func(c *Claim) { c.Proof = c.Proof[:3] }, ErrProofLength},
		{"long path", n, func(c *Claim) { c.Proof = append(c.Proof[:4:4], Hash{}) }, ErrProofLength},
		{"inner node as leaf", n, func(c *Claim) { *c = Claim{c.Root, inner, index / 2, c.Proof[1:]} }, ErrProofLength},
		{"root as leaf", n, func(c *Claim) { *c = Claim{c.Root, c.Root, 0, nil} }, ErrProofLength},
		{"deeper tree", 17, func(*Claim) {}, ErrProofLength},
		{"other leaf", n, func(c *Claim) { c.Leaf[31] ^= 1 }, ErrProofRoot},
		{"other root", n, func(c *Claim) { c.Root[0] ^= 0x80 }, ErrProofRoot},
		{"other index", n, func(c *Claim) { c.Index = 7 }, ErrProofRoot},
		{"other sibling", n, func(c *Claim) { c.Proof[2][5]++ }, ErrProofRoot},
		{"swapped siblings", n, func(c *Claim) { c.Proof[0], c.Proof[1] = c.Proof[1], c.Proof[0] }, ErrProofRoot},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			c.Proof = append(Proof(nil), good.Proof...)
			tt.change(&c)
			err := h.VerifyProof(c.Root, c.Leaf, c.Index, tt.leaves, c.Proof)
			var e *ProofError
			if !errors.As(err, &e) || !errors.Is(err, tt.want) {
				t.Fatalf("VerifyProof = %v, want %v", err, tt.want)
			}
			if e.Index != c.Index || e.Leaves != tt.leaves || e.Path != len(c.Proof) || e.Root != c.Root {
				t.Errorf("the error's evidence is wrong: %+v", e)
			}
			if errs := h.VerifyProofs([]Claim{c}, tt.leaves); len(errs) != 1 || errs[0] == nil || errs[0].Error() != err.Error() {
				t.Errorf("VerifyProofs = %v, want %v", errs, err)
			}
		})
	}
}

// TestVerifyProofsNamesTheLiars spoils some claims, and expects exactly
// VerifyProof's error for each and none for the others.
func TestVerifyProofsNamesTheLiars(t *testing.T) {
	h := mustHasher(t, Walrus, "")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "leaves")
		trees := make([]*Tree, 3)
		leaves := make([][]Hash, len(trees))
		for k := range trees {
			leaves[k] = randomHashes(n, uint64(20+k))
			trees[k] = h.NewTree(leaves[k])
		}
		claims := make([]Claim, rapid.IntRange(0, 50).Draw(t, "claims"))
		liars := 0
		for i := range claims {
			k := rapid.IntRange(0, len(trees)-1).Draw(t, "tree")
			index := rapid.IntRange(0, n-1).Draw(t, "index")
			c := Claim{Root: trees[k].Root(), Leaf: leaves[k][index], Index: index, Proof: trees[k].Proof(index)}
			switch rapid.IntRange(0, 8).Draw(t, "lie") {
			case 0:
				c.Leaf[0] ^= 1
			case 1:
				c.Index += n
			case 2:
				c.Proof = append(c.Proof, Hash{})
			default:
				liars--
			}
			liars++
			claims[i] = c
		}
		errs := h.VerifyProofs(claims, n)
		if (errs == nil) != (liars == 0) {
			t.Fatalf("%d liars of %d: %v", liars, len(claims), errs)
		}
		for i, c := range claims {
			want := h.VerifyProof(c.Root, c.Leaf, c.Index, n, c.Proof)
			if errs != nil && fmt.Sprint(errs[i]) != fmt.Sprint(want) {
				t.Fatalf("claim %d: %v, want %v", i, errs[i], want)
			}
		}
	})
}

func TestParseProofRefuses(t *testing.T) {
	digest := append([]byte{nodeDigest}, bytes.Repeat([]byte{7}, HashSize)...)
	tests := []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"too deep", append([]byte{17}, make([]byte, 17)...)},
		{"huge", []byte{0xff, 0xff, 0xff, 0xff, 0x07}},
		{"cut within a digest", append([]byte{1}, digest[:20]...)},
		{"fewer than declared", append([]byte{2}, digest...)},
		{"more than declared", append([]byte{1}, append(digest, 0)...)},
		{"unknown node", []byte{1, 2}},
		{"zero digest", append([]byte{1, nodeDigest}, make([]byte, HashSize)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := ParseProof(tt.data); !errors.Is(err, ErrMalformed) || p != nil {
				t.Errorf("ParseProof(%x) = %v, %v", tt.data, p, err)
			}
		})
	}
}

func FuzzProof(f *testing.F) {
	h := mustHasher(f, BLAKE3, "")
	const n = 11
	leaves := randomHashes(n, 30)
	tree := h.NewTree(leaves)
	for _, i := range []int{0, 5, 10} {
		proof, err := tree.Proof(i).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(proof, leaves[i][:], i, n)
	}
	f.Add([]byte{0}, bytes.Repeat([]byte{1}, HashSize), 0, 1)
	f.Fuzz(func(t *testing.T, data, leaf []byte, index, count int) {
		p, err := ParseProof(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again, err := p.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x, %v", data, again, err)
		}
		var claim Claim
		claim.Root, claim.Index, claim.Proof = tree.Root(), index, p
		copy(claim.Leaf[:], leaf)
		err = h.VerifyProof(claim.Root, claim.Leaf, index, count, p)
		if err == nil && count == n && claim.Leaf != leaves[index] {
			t.Fatalf("leaf %v passes for leaf %d", claim.Leaf, index)
		}
		if errs := h.VerifyProofs([]Claim{claim}, count); (errs == nil) != (err == nil) {
			t.Fatalf("VerifyProof = %v, VerifyProofs = %v", err, errs)
		}
	})
}

// BenchmarkVerifyProofs checks the 667 symbols that rebuild a primary sliver of
// 1000 shards, each from another tree.
func BenchmarkVerifyProofs(b *testing.B) {
	const n, count = 1000, 667
	for _, s := range []Scheme{BLAKE3, Walrus} {
		h := mustHasher(b, s, "")
		leaves := randomHashes(n, 40)
		tree := h.NewTree(leaves)
		claims := make([]Claim, count)
		for i := range claims {
			claims[i] = Claim{Root: tree.Root(), Leaf: leaves[i], Index: i, Proof: tree.Proof(i)}
		}
		b.Run(fmt.Sprintf("%v/%s/batch", s, h.Backend()), func(b *testing.B) {
			for b.Loop() {
				if errs := h.VerifyProofs(claims, n); errs != nil {
					b.Fatal(errs)
				}
			}
		})
		b.Run(fmt.Sprintf("%v/%s/single", s, h.Backend()), func(b *testing.B) {
			for b.Loop() {
				for i := range claims {
					c := &claims[i]
					if err := h.VerifyProof(c.Root, c.Leaf, c.Index, n, c.Proof); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
