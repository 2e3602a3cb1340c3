package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestRotate has a node get a new key: it, the stake, the money and the say over the node are
// there from the next epoch on, and the old one is in the file as long as somebody needs it.
func TestRotate(t *testing.T) {
	s := newStage(t)
	old := s.keys[1]
	file := s.file(old)
	rotate := &rotateCmd{Ledger: s.url, JSON: true, Key: file}

	s.half() // the keys of the next epoch are fixed
	err := rotate.Run(&cli.App{Ctx: t.Context(), Stdout: new(bytes.Buffer)})
	if err == nil || !strings.Contains(err.Error(), "the keys of epoch 2 are fixed already") {
		t.Fatalf("in the second half of an epoch: %v", err)
	}
	if keys, err := identity.LoadKeyring(file); err != nil || len(keys.Keys()) != 1 {
		t.Fatalf("a refused rotation leaves %d keys in the file (%v), want 1", len(keys.Keys()), err)
	}
	s.half()
	s.report()

	var r rotated
	if s.run(rotate, &r); r.FromEpoch != 3 || r.InUse || r.Keys != 2 {
		t.Fatalf("%+v, want two keys, of which the new one is in use from epoch 3 on", r)
	}
	keys, err := identity.LoadKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	next := keys.Last()
	if keys.First().Public() != old.Public() || next.Public().String() != r.PublicKey || r.Account != genesis.AddressOf(next) {
		t.Fatalf("%+v, and the file has %v", r, keys.Keys())
	}
	var again rotated
	if s.run(rotate, &again); again != r {
		t.Errorf("given again: %+v, want %+v", again, r)
	}
	s.pass()
	var r3 rotated
	if s.run(rotate, &r3); !r3.InUse || r3.Keys != 2 {
		t.Errorf("in its first epoch: %+v, want the new key in use, and the old one kept", r3)
	}
	s.report(next)
	s.pass()
	s.report(next)
	var r4 rotated
	if s.run(rotate, &r4); r4.Keys != 1 || !r4.InUse || r4.PublicKey != r.PublicKey {
		t.Errorf("in the epoch after: %+v, want the new key alone", r4)
	}
	if keys, err = identity.LoadKeyring(file); err != nil || len(keys.Keys()) != 1 || keys.First().Public() != next.Public() {
		t.Errorf("the file has %v (%v)", keys.Keys(), err)
	}

	state := s.ledger.State()
	for id, n := range state.Nodes() {
		if n.Info.Name != "node-1" {
			continue
		}
		if n.Owner != genesis.AddressOf(next) || n.Info.PublicKey != next.Public().Bytes() || n.Info.TLSKey != next.TLSPublic() {
			t.Errorf("the ledger has %+v", n)
		}
		for key, value := range state.Snapshot() {
			if key[0] != ledger.StakeKey(ledger.ObjectID{})[0] {
				continue
			}
			var stake ledger.Stake
			if err := ledger.Read(value, &stake); err != nil {
				t.Fatal(err)
			}
			if stake.Node == id && stake.Owner != genesis.AddressOf(next) {
				t.Errorf("stake of %d is still %v's", stake.Principal, stake.Owner)
			}
		}
	}
	rich := ledger.Get[ledger.Account](state, ledger.AccountKey(genesis.AddressOf(next)))
	poor := ledger.Get[ledger.Account](state, ledger.AccountKey(genesis.AddressOf(old)))
	if rich == nil || rich.Balance < 1<<29 || poor.Balance > 1<<20 {
		t.Errorf("the new account has %+v, and the old one %+v", rich, poor)
	}
	// The next rotation is a new one.
	var r5 rotated
	if s.run(rotate, &r5); r5.PublicKey == r.PublicKey || r5.Keys != 2 {
		t.Errorf("the next rotation: %+v", r5)
	}
}

// TestRotateWaits has rotate wait for the epoch in which it may change keys, and for the one in
// which nobody needs the old one.
func TestRotateWaits(t *testing.T) {
	s := newStage(t)
	file := s.file(s.keys[2])
	s.half()
	done := make(chan error, 1)
	var out bytes.Buffer
	lines := make(lineWriter, 100)
	go func() {
		c := &rotateCmd{Ledger: s.url, Wait: time.Minute, Key: file}
		done <- c.Run(&cli.App{Ctx: t.Context(), Stdout: &out, Stderr: lines})
	}()
	progress := ""
	for {
		keys, err := identity.LoadKeyring(file)
		if err != nil {
			t.Fatal(err)
		}
		s.report(keys.Keys()...)
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, progress)
			}
			if !strings.Contains(out.String(), "nobody needs an old one") || !strings.Contains(progress, "epoch 1, selected: the node owns 4 shards") {
				t.Errorf("%s%s", progress, out.String())
			}
			return
		case line := <-lines:
			progress += line
			if strings.Contains(line, "done") {
				s.until("the node has its new key", func() bool { return !s.governs(s.keys[2]) })
			}
			s.half()
		}
	}
}

// lineWriter hands on what is written to it, if somebody has read what was before.
type lineWriter chan string

func (l lineWriter) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

// TestUpdate has a node get another address, which others have with the next committee.
func TestUpdate(t *testing.T) {
	s := newStage(t)
	file := s.file(s.keys[0])
	update := &updateCmd{Ledger: s.url, Address: "127.0.0.1:77", JSON: true, Key: file}
	var u updated
	if s.run(update, &u); u.Name != "node-0" || u.Address != "127.0.0.1:77" || u.FromEpoch != 2 {
		t.Errorf("%+v, want the address from epoch 2 on", u)
	}
	address := func() string {
		now := s.ledger.State().System().Epoch
		for _, m := range ledger.Get[ledger.Committee](s.ledger.State(), ledger.CommitteeKey(now)).Members {
			if m.Name == "node-0" {
				return m.Address
			}
		}
		return "none"
	}
	if got := address(); got != "127.0.0.1:1" {
		t.Errorf("before: %s", got)
	}
	s.pass()
	if got := address(); got != "127.0.0.1:77" {
		t.Errorf("after: %s", got)
	}
	price, capacity := uint64(7), cli.Bytes(1<<30)
	s.run(&updateCmd{Ledger: s.url, StoragePrice: &price, Capacity: &capacity, JSON: true, Key: file}, &u)
	for _, n := range s.ledger.State().Nodes() {
		if n.Info.Name == "node-0" && (n.Info.Votes != ledger.Votes{StoragePrice: 7, Capacity: 1 << 30}) {
			t.Errorf("it votes for %+v", n.Info.Votes)
		}
	}
	for _, c := range []struct {
		name, want string
		command    updateCmd
	}{
		{"nothing", "nothing to change", updateCmd{}},
		{"no address", "--address", updateCmd{Address: "nowhere"}},
		{"another's address", "address is that of node", updateCmd{Address: "127.0.0.1:2"}},
	} {
		c.command.Ledger, c.command.Key = s.url, file
		if err := c.command.Run(&cli.App{Ctx: t.Context(), Stdout: new(bytes.Buffer)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.want)
		}
	}
}
