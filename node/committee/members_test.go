package committee_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// TestNew has what makes no committee: each error says what is wrong.
func TestNew(t *testing.T) {
	system := committee.System{Network: "test", Shards: 12, Scheme: commit.BLAKE3}
	var valid []committee.Member
	for i, shards := range committee.Spread(12, 3) {
		name := string(rune('a' + i))
		valid = append(valid, identity.NewMember(name, name+".example.org:7100", identity.GenerateKey(), shards))
	}
	if _, err := committee.New(system, 0, valid); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(s *committee.System, m []committee.Member)
		want   string
	}{
		{"no network", func(s *committee.System, _ []committee.Member) { s.Network = "" }, "the network has no name"},
		{"long network", func(s *committee.System, _ []committee.Member) { s.Network = strings.Repeat("x", 65) }, "not 64 bytes of text at most"},
		{"network not text", func(s *committee.System, _ []committee.Member) { s.Network = "a\xff" }, "not 64 bytes of text at most"},
		{"network of two lines", func(s *committee.System, _ []committee.Member) { s.Network = "a\nb" }, "cannot be printed"},
		{"no shards", func(s *committee.System, _ []committee.Member) { s.Shards = 0 }, "shards"},
		{"many shards", func(s *committee.System, _ []committee.Member) { s.Shards = 1 << 17 }, "shards"},
		{"negative shards", func(s *committee.System, _ []committee.Member) { s.Shards = -1 }, "shards"},
		{"unknown scheme", func(s *committee.System, _ []committee.Member) { s.Scheme = 77 }, "scheme"},
		{"no name", func(_ *committee.System, m []committee.Member) { m[1].Name = "" }, "member 1 has no name"},
		{"same name", func(_ *committee.System, m []committee.Member) { m[1].Name = "c" }, "two members have the name c"},
		{"same address", func(_ *committee.System, m []committee.Member) { m[1].Address = "A.example.org:7100" }, "b has the address of a"},
		{"no TLS key", func(_ *committee.System, m []committee.Member) { m[1].TLSKey = committee.TLSKey{} }, "b has no TLS key"},
		{"same TLS key", func(_ *committee.System, m []committee.Member) { m[2].TLSKey = m[0].TLSKey }, "c has the TLS key of a"},
		{"same key", func(_ *committee.System, m []committee.Member) { m[2].PublicKey = m[0].PublicKey }, "c has the public key of a"},
		{"foreign proof", func(_ *committee.System, m []committee.Member) { m[2].Proof = m[0].Proof }, "c does not prove"},
		{"no proof", func(_ *committee.System, m []committee.Member) { m[2].Proof = committee.Signature{} }, "c does not prove"},
		{"no key", func(_ *committee.System, m []committee.Member) { m[2].PublicKey = committee.PublicKey{} }, "c does not prove"},
		{"address of all", func(_ *committee.System, m []committee.Member) { m[2].Address = "0.0.0.0:7100" }, "c: committee: invalid address"},
		{"no shard", func(_ *committee.System, m []committee.Member) { m[1].Shards = nil }, "b owns no shard"},
		{"shard twice", func(_ *committee.System, m []committee.Member) { m[1].Shards = committee.Shards{3, 4} }, "a and b both own shard 3"},
		{"a member's shard twice", func(_ *committee.System, m []committee.Member) { m[1].Shards = committee.Shards{4, 4} }, "b and b both own shard 4"},
		{"shard too far", func(_ *committee.System, m []committee.Member) { m[2].Shards = committee.Shards{8, 12} }, "c owns shard 12, and the 12 shards are 0 to 11"},
		{"negative shard", func(_ *committee.System, m []committee.Member) { m[2].Shards = committee.Shards{-1} }, "c owns shard -1"},
		{"shards of nobody", func(s *committee.System, _ []committee.Member) { s.Shards = 16 }, "nobody owns shards 12-15 of 0-15"},
		{"a shard of nobody", func(_ *committee.System, m []committee.Member) { m[1].Shards = committee.Shards{4, 6, 7} }, "nobody owns shards 5 of 0-11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, members := system, slices.Clone(valid)
			c.change(&s, members)
			got, err := committee.New(s, 0, members)
			if got != nil || !errors.Is(err, committee.ErrCommittee) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an ErrCommittee with %q", err, c.want)
			}
		})
	}
}

func TestMoreMembersThanShards(t *testing.T) {
	var members []committee.Member
	for i := range 5 {
		members = append(members, committee.Member{Name: string(rune('a' + i))})
	}
	_, err := committee.New(committee.System{Network: "test", Shards: 4}, 1, members)
	if want := "5 members, and only 4 shards to own"; !errors.Is(err, committee.ErrCommittee) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an ErrCommittee with %q", err, want)
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{
		"127.0.0.1:7100", "storage.example.org:1", "a:65535", "[::1]:7100", "[2001:db8::1]:7100", "[fe80::1%eth0]:7100",
		"node_0.internal:7100", "xn--bcher-kva.example:7100", "example.org.:7100", "3com.com:80",
	} {
		if err := committee.CheckAddress(good); err != nil {
			t.Errorf("%q: %v, want none", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                             "HOST:PORT",
		"7100":                         "HOST:PORT",
		"host":                         "HOST:PORT",
		"::1:7100":                     "HOST:PORT",
		"host:1:2":                     "HOST:PORT",
		":7100":                        "names no host",
		"[]:7100":                      "names no host",
		"0.0.0.0:7100":                 "leads nowhere",
		"[::]:7100":                    "leads nowhere",
		"[0:0::0]:7100":                "leads nowhere",
		"224.0.0.1:7100":               "group of machines",
		"a b:1":                        "letters, digits",
		"a\n:1":                        "letters, digits",
		"-a:1":                         "letters, digits",
		"a..b:1":                       "letters, digits",
		"1.2.3:1":                      "letters, digits",
		"1.2.3.4.5:1":                  "letters, digits",
		"256.1.1.1:1":                  "letters, digits",
		"user@host:1":                  "letters, digits",
		"http://host:1":                "HOST:PORT",
		"bücher.example:1":             "letters, digits",
		"host:0":                       "1 to 65535",
		"host:":                        "1 to 65535",
		"host:65536":                   "1 to 65535",
		"host:99999":                   "1 to 65535",
		"host:-1":                      "1 to 65535",
		"host:+1":                      "1 to 65535",
		"host:080":                     "1 to 65535",
		"host:http":                    "1 to 65535",
		strings.Repeat("a", 64) + ":1": "letters, digits",
	} {
		err := committee.CheckAddress(bad)
		if !errors.Is(err, committee.ErrAddress) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an ErrAddress with %q", bad, err, want)
		}
	}
}

// TestForms: forms of metadata have names, and there are no others.
func TestForms(t *testing.T) {
	for form, name := range map[committee.Form]string{committee.Full: "full", committee.Coded: "coded"} {
		text, err := form.MarshalText()
		if err != nil || string(text) != name || form.String() != name {
			t.Errorf("%d: %q, %v, want %q", form, text, err, name)
		}
		var back committee.Form
		if err := back.UnmarshalText([]byte(name)); err != nil || back != form {
			t.Errorf("%q: %v, %v, want %v", name, back, err, form)
		}
	}
	var none committee.Form
	if err := none.UnmarshalText([]byte("half")); err == nil {
		t.Error("there is a form half")
	}
	if _, err := committee.New(committee.System{Network: "a", Shards: 10, Metadata: 7}, 1, nil); !errors.Is(err, committee.ErrCommittee) {
		t.Errorf("form 7: %v, want an ErrCommittee", err)
	}
}

// TestGenesis: everything that a system is made of tells it from others.
func TestGenesis(t *testing.T) {
	seen := make(map[committee.Genesis]committee.System)
	for _, s := range []committee.System{
		{Network: "a", Shards: 10}, {Network: "b", Shards: 10}, {Network: "ab", Shards: 10},
		{Network: "a", Shards: 11}, {Network: "a", Shards: 10 + 1<<8}, {Network: "a", Shards: 10, Scheme: commit.Walrus},
		{Network: "a", Shards: 10, Metadata: committee.Coded}, {Network: "a", Shards: 10, Scheme: commit.Walrus, Metadata: committee.Coded},
	} {
		if other, twice := seen[s.Genesis()]; twice {
			t.Errorf("%+v has the genesis of %+v", s, other)
		}
		seen[s.Genesis()] = s
	}
}
