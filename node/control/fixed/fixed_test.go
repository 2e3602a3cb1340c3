package fixed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
)

var _ control.Control = (*fixed.Control)(nil)

func members(count, shards int) (list []committee.Member, keys []*identity.Key) {
	for i, s := range committee.Spread(shards, count) {
		keys = append(keys, identity.GenerateKey())
		list = append(list, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("host:", 1+i), keys[i], s))
	}
	return list, keys
}

func build(t testing.TB, count, shards int) (*fixed.Control, []*identity.Key) {
	t.Helper()
	list, keys := members(count, shards)
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.Walrus}, 7, list)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fixed.New(c, fixed.Client{Name: "writer", TLSKey: identity.GenerateKey().TLSPublic()})
	if err != nil {
		t.Fatal(err)
	}
	return f, keys
}

func TestFileRoundTrip(t *testing.T) {
	f, keys := build(t, 9, 100)
	text, err := f.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := fixed.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.MarshalText()
	if err != nil || !bytes.Equal(text, again) {
		t.Fatalf("another file:\n%s\n%v", again, err)
	}
	if got, want := back.View().Digest, f.View().Digest; got != want {
		t.Errorf("digest %v, want %v", got, want)
	}
	c, read := f.View().Current, back.View().Current
	if got, want := read.Fingerprint(), c.Fingerprint(); got != want {
		t.Errorf("fingerprint %v, want %v", got, want)
	}
	// What one signs, the other verifies.
	a := committee.Attestation{Kind: committee.Stored, Blob: commit.BlobID{1}}
	if err := read.VerifyAttestation(3, a, keys[3].Signer(nil).Attest(c, a)); err != nil {
		t.Fatal(err)
	}
	if i, ok := read.Find(keys[5].Public()); !ok || i != 5 {
		t.Fatalf("member %d, %v, want 5", i, ok)
	}
	for name, change := range map[string][2]string{
		"unknown key":    {"epoch = 7", "epoch = 7\nage = 8"},
		"no epoch":       {"epoch = 7\n", ""},
		"no shards":      {"shards = 100\n", ""},
		"no network":     {"network = \"test\"\n", ""},
		"no scheme":      {"scheme = \"walrus\"\n", ""},
		"negative epoch": {"epoch = 7", "epoch = -7"},
		"shard twice":    {`"11-21"`, `"10-20"`},
		"shard missing":  {`"11-21"`, `"12-21"`},
		"no range":       {`"11-21"`, `"21-11"`},
		"foreign proof":  {lines(text, "proof")[0], lines(text, "proof")[1]},
		"foreign key":    {lines(text, "public_key")[0], lines(text, "public_key")[1]},
		"same TLS key":   {lines(text, "tls_key")[0], lines(text, "tls_key")[1]},
		"same name":      {`"node-1"`, `"node-2"`},
		"same address":   {`"host:1"`, `"host:2"`},
		"bad address":    {`"host:1"`, `"0.0.0.0:1"`},
		"unknown scheme": {lines(text, "scheme")[0], `scheme = "sha1"`},
		"no TOML":        {"epoch", "="},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := fixed.Parse([]byte(changed)); !errors.Is(err, committee.ErrCommittee) {
			t.Errorf("%s: %v, want an ErrCommittee", name, err)
		}
	}
}

// TestMetadata: the file says what nodes keep of metadata, if that is not all.
func TestMetadata(t *testing.T) {
	f, _ := build(t, 9, 100)
	text, err := f.MarshalText()
	if err != nil || bytes.Contains(text, []byte("metadata")) {
		t.Fatalf("%v, or metadata is named in\n%s", err, text)
	}
	coded := strings.Replace(string(text), "epoch = 7", "epoch = 7\nmetadata = \"coded\"", 1)
	c, err := fixed.Parse([]byte(coded))
	if err != nil || c.View().Current.System().Metadata != committee.Coded {
		t.Fatalf("%v, or not what the file says", err)
	}
	if again, err := c.MarshalText(); err != nil || !bytes.Contains(again, []byte("metadata = \"coded\"\n")) {
		t.Errorf("%v, or lost in\n%s", err, again)
	}
	if c.View().Current.Fingerprint() == f.View().Current.Fingerprint() {
		t.Error("both have one fingerprint")
	}
	if _, err := fixed.Parse([]byte(strings.Replace(coded, "coded", "half", 1))); !errors.Is(err, committee.ErrCommittee) {
		t.Errorf("half of it: %v, want an ErrCommittee", err)
	}
}

// lines returns the lines that set a key.
func lines(text []byte, key string) (found []string) {
	for line := range strings.Lines(string(text)) {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, key+" ") {
			found = append(found, trimmed)
		}
	}
	return found
}

func TestLoad(t *testing.T) {
	f, _ := build(t, 2, 4)
	text, err := f.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "committee.toml")
	if _, err := fixed.Load(name); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "committee") {
		t.Errorf("no file: %v, want an ErrNotExist that says what is missing", err)
	}
	for content, want := range map[string]error{string(text): nil, "x": committee.ErrCommittee} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := fixed.Load(name)
		if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%.10q: %v, want %v with the file's name", content, err, want)
		}
	}
}

func TestClients(t *testing.T) {
	f, keys := build(t, 2, 4)
	c := f.View().Current
	a, b := identity.GenerateKey().TLSPublic(), identity.GenerateKey().TLSPublic()
	for name, clients := range map[string][]fixed.Client{
		"no name":      {{TLSKey: a}},
		"same name":    {{Name: "x", TLSKey: a}, {Name: "x", TLSKey: b}},
		"no key":       {{Name: "x"}},
		"same key":     {{Name: "x", TLSKey: a}, {Name: "y", TLSKey: a}},
		"member's key": {{Name: "x", TLSKey: keys[1].TLSPublic()}},
	} {
		if _, err := fixed.New(c, clients...); !errors.Is(err, committee.ErrCommittee) {
			t.Errorf("%s: %v, want an ErrCommittee", name, err)
		}
	}
	if _, err := fixed.New(nil); !errors.Is(err, committee.ErrCommittee) {
		t.Errorf("no committee: %v, want an ErrCommittee", err)
	}
	two, err := fixed.New(c, fixed.Client{Name: "x", TLSKey: a}, fixed.Client{Name: "y", TLSKey: b})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[committee.TLSKey]epoch.Party{
		a:                    {Role: epoch.Writer, Name: "x"},
		b:                    {Role: epoch.Writer, Name: "y"},
		keys[0].TLSPublic():  {Role: epoch.Member, Name: "node-0", Node: keys[0].Public().NodeID()},
		(committee.TLSKey{}): {},
		{1}:                  {},
	} {
		if got := two.View().Identify(key); got != want {
			t.Errorf("%v is %+v, want %+v", key, got, want)
		}
	}
}

// TestDigest: files that say the same have the same digest, and no others.
func TestDigest(t *testing.T) {
	system := committee.System{Network: "test", Shards: 12, Scheme: commit.BLAKE3}
	list, _ := members(3, 12)
	a := fixed.Client{Name: "a", TLSKey: identity.GenerateKey().TLSPublic()}
	b := fixed.Client{Name: "b", TLSKey: identity.GenerateKey().TLSPublic()}
	digest := func(system committee.System, number uint64, list []committee.Member, clients ...fixed.Client) epoch.Digest {
		t.Helper()
		c, err := committee.New(system, number, list)
		if err != nil {
			t.Fatal(err)
		}
		f, err := fixed.New(c, clients...)
		if err != nil {
			t.Fatal(err)
		}
		return f.View().Digest
	}
	want := digest(system, 1, list, a, b)
	if got := digest(system, 1, list, b, a); got != want {
		t.Errorf("clients in another order: %v, want %v", got, want)
	}
	changed := func(change func(m []committee.Member)) []committee.Member {
		other := slices.Clone(list)
		change(other)
		return other
	}
	other := system
	other.Network = "other"
	renamed := a
	renamed.Name = "c"
	for name, got := range map[string]epoch.Digest{
		"network":      digest(other, 1, list, a, b),
		"epoch":        digest(system, 2, list, a, b),
		"fewer":        digest(system, 1, list, a),
		"client name":  digest(system, 1, list, renamed, b),
		"member name":  digest(system, 1, changed(func(m []committee.Member) { m[0].Name = "x" }), a, b),
		"address":      digest(system, 1, changed(func(m []committee.Member) { m[0].Address = "x:1" }), a, b),
		"TLS key":      digest(system, 1, changed(func(m []committee.Member) { m[0].TLSKey[0]++ }), a, b),
		"member order": digest(system, 1, changed(func(m []committee.Member) { m[0], m[1] = m[1], m[0] }), a, b),
		"shards": digest(system, 1, changed(func(m []committee.Member) {
			m[0].Shards, m[1].Shards = m[1].Shards, m[0].Shards
		}), a, b),
	} {
		if got == want {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	c, _ := build(f, 2, 4)
	text, err := c.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("network = \"x\"\nshards = 65535\nscheme = \"blake3\"\nepoch = 1\n[[member]]\nshards = \"0-65534\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := fixed.Parse(text)
		if err != nil {
			if !errors.Is(err, committee.ErrCommittee) {
				t.Fatal(err)
			}
			return
		}
		again, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		back, err := fixed.Parse(again)
		if err != nil || back.View().Digest != c.View().Digest {
			t.Fatalf("what was written reads as something else: %v\n%s", err, again)
		}
	})
}
