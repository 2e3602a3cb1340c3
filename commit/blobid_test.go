package commit

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestVectorBlobIDs(t *testing.T) {
	forEachWalrus(t, func(t *testing.T, h *Hasher) {
		for _, v := range readVectors(t) {
			want := BlobID(v.BlobID)
			if got := h.BlobID(v.Shards, v.BlobLen, Hash(v.MetadataRoot)); got != want {
				t.Errorf("%s: blob id %v, want %v", v.name(), got, want)
			}
		}
	})
	for _, v := range readVectors(t) {
		id := BlobID(v.BlobID)
		if id.String() != v.BlobIDText {
			t.Errorf("%s: String() = %s, want %s", v.name(), id, v.BlobIDText)
		}
		if got, err := ParseBlobID(v.BlobIDText); err != nil || got != id {
			t.Errorf("%s: ParseBlobID = %v, %v", v.name(), got, err)
		}
		if got := id.ShardOfPair(0, v.Shards); got != v.ShardOfPair0 {
			t.Errorf("%s: shard of pair 0 is %d, want %d", v.name(), got, v.ShardOfPair0)
		}
		if got := id.PairOfShard(0, v.Shards); got != v.PairOfShard0 {
			t.Errorf("%s: pair of shard 0 is %d, want %d", v.name(), got, v.PairOfShard0)
		}
	}
}

func TestParseBlobIDRefuses(t *testing.T) {
	good := BlobID{31: 1}.String()
	tests := []struct{ name, text string }{
		{"empty", ""},
		{"short", good[:42]},
		{"long", good + "A"},
		{"padded", good + "="},
		{"surplus bits set", good[:42] + "F"},
		{"standard alphabet", "+" + good[1:]},
		{"line break", good[:42] + "\n"},
		{"line break within", good[:20] + "\r" + good[21:]},
		{"line breaks only", strings.Repeat("\n", 43)},
		{"not ASCII", "é" + good[2:]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseBlobID(tt.text)
			if !errors.Is(err, ErrBlobID) || got != (BlobID{}) {
				t.Errorf("ParseBlobID(%q) = %v, %v", tt.text, got, err)
			}
			id := BlobID{1, 2, 3}
			if err := id.UnmarshalText([]byte(tt.text)); err == nil || id != (BlobID{1, 2, 3}) {
				t.Errorf("UnmarshalText(%q) = %v, id %v", tt.text, err, id)
			}
		})
	}
}

func TestBlobIDText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := BlobID(rapid.SliceOfN(rapid.Byte(), HashSize, HashSize).Draw(t, "id"))
		if got, err := ParseBlobID(id.String()); err != nil || got != id {
			t.Fatalf("ParseBlobID(%s) = %v, %v", id, got, err)
		}
		data, err := json.Marshal(map[BlobID]BlobID{id: id})
		if err != nil {
			t.Fatal(err)
		}
		var back map[BlobID]BlobID
		if err := json.Unmarshal(data, &back); err != nil || back[id] != id {
			t.Fatalf("JSON %s: %v", data, err)
		}
	})
}

func TestRotation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := BlobID(rapid.SliceOfN(rapid.Byte(), HashSize, HashSize).Draw(t, "id"))
		n := rapid.IntRange(1, MaxShards).Draw(t, "n")
		want := new(big.Int).Mod(new(big.Int).SetBytes(id[:]), big.NewInt(int64(n))).Int64()
		if got := id.Rotation(n); got != int(want) {
			t.Fatalf("Rotation(%d) = %d, want %d", n, got, want)
		}
		pair := rapid.IntRange(0, n-1).Draw(t, "pair")
		shard := id.ShardOfPair(pair, n)
		if back := id.PairOfShard(shard, n); shard < 0 || shard >= n || back != pair {
			t.Fatalf("pair %d on shard %d of %d, which holds pair %d", pair, shard, n, back)
		}
	})
}

func TestShardPanics(t *testing.T) {
	tests := []struct {
		name string
		f    func(BlobID)
	}{
		{"no shards", func(id BlobID) { id.Rotation(0) }},
		{"too many shards", func(id BlobID) { id.Rotation(MaxShards + 1) }},
		{"pair n", func(id BlobID) { id.ShardOfPair(10, 10) }},
		{"negative shard", func(id BlobID) { id.PairOfShard(-1, 10) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustPanic(t, func() { tt.f(BlobID{}) }) })
	}
}

// mustPanic fails the test unless f panics with a text of this package.
func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "commit: ") {
			t.Errorf("want a panic that names the package, got %v", text)
		}
	}()
	f()
}

func FuzzParseBlobID(f *testing.F) {
	f.Add("RcU82Mwf-CFkv1LaI_2qcpANwpGUuG3TMwnVzZxD2kY")
	f.Add(BlobID{}.String())
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
	f.Add("RcU82Mwf-CFkv1LaI_2qcpANwpGUuG3TMwnVzZxD2k\n")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParseBlobID(text); err == nil && id.String() != text {
			t.Errorf("%q was read as %v", text, id)
		} else if err != nil && !errors.Is(err, ErrBlobID) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
