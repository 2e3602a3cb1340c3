package challenge_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

var update = flag.Bool("update", false, "write golden files anew")

// ids returns count blob ids in ascending order.
func ids(count int) iter.Seq[commit.BlobID] {
	return func(yield func(commit.BlobID) bool) {
		for i := range count {
			if !yield(commit.BlobID{byte(i >> 16), byte(i >> 8), byte(i), 7}) {
				return
			}
		}
	}
}

func fixedKey(i byte) *identity.Key {
	// 32 bytes in base64, of which the first letter differs.
	key, err := identity.ParseKey([]byte("redstuff-secret-v1:" + string('A'+rune(i)) + strings.Repeat("A", 42)))
	if err != nil {
		panic(err)
	}
	return key
}

// town is a committee of four members with ten shards.
func town(t testing.TB) (*committee.Committee, []*identity.Key) {
	t.Helper()
	var members []committee.Member
	var keys []*identity.Key
	for i, shards := range committee.Spread(10, 4) {
		keys = append(keys, fixedKey(byte(i)))
		members = append(members, identity.NewMember(fmt.Sprint("m", i), fmt.Sprint("127.0.0.1:", i+1), keys[i], shards))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: 10, Scheme: commit.BLAKE3}, 5, members)
	if err != nil {
		t.Fatal(err)
	}
	return c, keys
}

// fixedRound is a round of 1000 blobs.
func fixedRound(t testing.TB) challenge.Round {
	list, err := challenge.ListOf(ids(1000))
	if err != nil {
		t.Fatal(err)
	}
	terms := challenge.Terms{Chain: [32]byte{1, 2, 3}, Epoch: 5, Height: 77, List: list}
	return challenge.Round{Terms: terms, Seed: challenge.Seed{4, 5, 6}, Draws: 12}
}

// TestGolden holds the bytes of all that goes over the wire or is hashed.
func TestGolden(t *testing.T) {
	r := fixedRound(t)
	var b strings.Builder
	line := func(name string, data []byte) { fmt.Fprintf(&b, "%-15s %s\n", name, hex.EncodeToString(data)) }
	ack, pass := r.Ack(), r.Pass(fixedKey(0).Signer(nil).Public())
	line("list", r.List.Digest[:])
	line("ack", append([]byte{byte(ack.Kind)}, ack.Blob[:]...))
	line("pass", append([]byte{byte(pass.Kind)}, pass.Blob[:]...))
	fmt.Fprintf(&b, "%-15s %v\n", "drawn", r.Drawn())
	c, keys := town(t)
	signatures := make(map[int]committee.Signature)
	for i := range 3 {
		signatures[i] = keys[i].Signer(nil).Attest(c, ack)
	}
	acks, err := c.Certify(ack, signatures)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := challenge.AckHash{}.Seed(acks)
	if err != nil {
		t.Fatal(err)
	}
	line("seed", seed[:])
	for _, m := range messages(r) {
		line(strings.TrimPrefix(fmt.Sprintf("%T", m), "challenge."), challenge.MarshalMessage(m))
	}
	const file = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}

// messages are one of each.
func messages(r challenge.Round) []challenge.Message {
	return []challenge.Message{
		challenge.Open{Round: r},
		challenge.Symbols{At: 300, Data: []byte{1, 2, 3, 4}},
		challenge.Proof{At: 301, Symbol: []byte{5, 6}, Path: []commit.Hash{{7}, {8}}},
		challenge.Want{Next: 302, Wrong: []uint64{3, 300}},
		challenge.Signed{Signature: committee.Signature{9}},
		challenge.Refused{Reason: challenge.ReasonOver},
	}
}

func TestMessages(t *testing.T) {
	for _, m := range messages(fixedRound(t)) {
		data := challenge.MarshalMessage(m)
		got, err := challenge.ParseMessage(data)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(m) {
			t.Errorf("%T: read back as %v (%v), want %v", m, got, err, m)
		}
		for i := range data {
			if _, err := challenge.ParseMessage(data[:i]); !errors.Is(err, challenge.ErrMessage) {
				t.Errorf("%T: %d of %d bytes: %v", m, i, len(data), err)
			}
		}
		if _, err := challenge.ParseMessage(append(data, 0)); !errors.Is(err, challenge.ErrMessage) {
			t.Errorf("%T and a byte: %v", m, err)
		}
	}
	for reason := challenge.ReasonMessage; reason <= challenge.ReasonProof; reason++ {
		err := challenge.Refused{Reason: reason}.Err()
		if got := challenge.ReasonOf(fmt.Errorf("because: %w", err)); got != reason {
			t.Errorf("reason %d stands for %v, which stands for %d", reason, err, got)
		}
	}
	if err := (challenge.Refused{Reason: 99}).Err(); !errors.Is(err, challenge.ErrMessage) {
		t.Errorf("reason 99: %v", err)
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, m := range messages(challenge.Round{Draws: 3}) {
		f.Add(challenge.MarshalMessage(m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := challenge.ParseMessage(data)
		if err != nil {
			if !errors.Is(err, challenge.ErrMessage) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if again := challenge.MarshalMessage(m); !bytes.Equal(again, data) {
			t.Fatalf("% x reads as %+v, which is % x", data, m, again)
		}
	})
}

// FuzzVerifier has a verifier read any messages: it never panics, never goes back, and is
// done only after the right symbols.
func FuzzVerifier(f *testing.F) {
	f.Add([]byte{11}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 9, 9})
	f.Fuzz(func(t *testing.T, lengths, stream []byte) {
		grid := challenge.Grid{Blobs: 3, Size: func(i int) int { return 2 + 2*i }, Rows: []int{0, 1}, Columns: []int{2}}
		v := challenge.NewVerifier(grid, strict{})
		for _, n := range lengths {
			n := min(int(n), len(stream))
			m, err := challenge.ParseMessage(stream[:n])
			stream = stream[n:]
			before := v.Want().Next
			switch m := m.(type) {
			case challenge.Symbols:
				err = v.Symbols(m)
			case challenge.Proof:
				err = v.Proof(m)
			}
			_ = err
			if w := v.Want(); w.Next < before || w.Next > grid.Cells() || len(w.Wrong) > challenge.MaxWrong {
				t.Fatalf("%+v after %d", w, before)
			}
			if v.Done() {
				t.Fatal("done, and no symbol was right")
			}
		}
	})
}

// strict finds nothing right.
type strict struct{}

func (strict) Symbol(challenge.Cell) ([]byte, error) { return nil, errNoSliver }
func (strict) Verify(challenge.Cell, []byte, commit.Proof) (bool, error) {
	return false, nil
}

func (strict) Exempt(int) bool { return false }

func TestList(t *testing.T) {
	all := slices.Collect(ids(300))
	list, err := challenge.ListOf(slices.Values(all))
	if err != nil || list.Blobs != 300 {
		t.Fatalf("%d blobs, error %v", list.Blobs, err)
	}
	seen := map[challenge.List]bool{list: true}
	for name, other := range map[string][]commit.BlobID{"none": nil, "the first": all[:299], "the last": all[1:]} {
		l, err := challenge.ListOf(slices.Values(other))
		if err != nil || seen[l] {
			t.Errorf("%s: error %v, or the list of others", name, err)
		}
		seen[l] = true
	}
	for name, other := range map[string][]commit.BlobID{"twice": {all[1], all[1]}, "descending": {all[2], all[1]}} {
		if _, err := challenge.ListOf(slices.Values(other)); !errors.Is(err, challenge.ErrList) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	places := []uint64{0, 7, 299}
	picked, err := challenge.Pick(slices.Values(all), places)
	if want := []commit.BlobID{all[0], all[7], all[299]}; err != nil || !slices.Equal(picked, want) {
		t.Errorf("picked %v (%v), want %v", picked, err, want)
	}
	if _, err := challenge.Pick(slices.Values(all), []uint64{0, 300}); err == nil {
		t.Error("place 300 of 300 was picked")
	}
}

// TestAttestations: whatever differs in a round, its acks and passes differ.
func TestAttestations(t *testing.T) {
	r := fixedRound(t)
	one, two := fixedKey(1).Signer(nil).Public(), fixedKey(2).Signer(nil).Public()
	seen := make(map[commit.BlobID]string)
	for name, change := range map[string]func(r *challenge.Round){
		"itself": func(*challenge.Round) {}, "chain": func(r *challenge.Round) { r.Chain[0]++ },
		"epoch": func(r *challenge.Round) { r.Epoch++ }, "height": func(r *challenge.Round) { r.Height++ },
		"blobs": func(r *challenge.Round) { r.List.Blobs++ }, "digest": func(r *challenge.Round) { r.List.Digest[9]++ },
		"seed": func(r *challenge.Round) { r.Seed[31]++ }, "draws": func(r *challenge.Round) { r.Draws++ },
	} {
		other := r
		change(&other)
		for kind, a := range map[string]committee.Attestation{"pass of one": other.Pass(one), "pass of two": other.Pass(two), "ack": other.Ack()} {
			if kind == "ack" && (name == "seed" || name == "draws") {
				continue
			}
			if before, twice := seen[a.Blob]; twice {
				t.Errorf("%s, other %s, is the same as %s", kind, name, before)
			}
			seen[a.Blob] = kind + ", other " + name
			if a.Stores(a.Blob) {
				t.Errorf("%s attests that a blob is stored", kind)
			}
		}
	}
}
