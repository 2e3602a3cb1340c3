//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestPutKilled kills puts at random moments, and gives them again. The blob is registered
// once, paid for once, certified and readable, and no transaction more than it takes has
// been paid for.
func TestPutKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("one process after another")
	}
	const kills = 60
	w, key := nodetest.StartOnLedger(t, commit.BLAKE3, 4, 16)
	p := &puts{t: t, dir: t.TempDir(), town: w, key: key}
	for name, data := range map[string][]byte{clientKeyName: key.Reveal(), "genesis.toml": genesisText(t, w)} {
		if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.open()
	p.writeFile()
	before, start := p.paid(), time.Now()
	p.finish(before)
	usual := time.Since(start)
	moments := map[string]int{}
	// What a put spends its time with depends on the machine: a few more, if no kill met one of
	// the moments.
	missed := func() bool { return moments["unregistered"] == 0 || moments["registered"] == 0 }
	for killed := 0; killed < kills || killed < 10*kills && missed(); {
		p.writeFile()
		before = p.paid()
		for range 1 + mathrand.IntN(3) {
			at, ended := p.kill(usual)
			if ended {
				break
			}
			killed++
			moments[at]++
		}
		p.finish(before)
	}
	for _, at := range []string{"unregistered", "registered"} {
		if moments[at] == 0 {
			t.Errorf("no put was killed when its blob was %s: %v", at, moments)
		}
	}
	t.Logf("killed: %v; a put takes %v", moments, usual)
}

func genesisText(t *testing.T, w *nodetest.Town) []byte {
	t.Helper()
	text, err := genesis.Marshal(w.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// puts gives a file, another one each time, to rs2d put.
type puts struct {
	t      *testing.T
	dir    string
	town   *nodetest.Town
	key    *identity.Key
	client *client.Client
	data   []byte
	id     commit.BlobID
}

// open makes a client that reads.
func (p *puts) open() {
	p.t.Helper()
	views, err := follow.OpenViews(p.t.Context(), chain.Local(p.town.Ledger), &p.town.Genesis)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.client, err = client.New(views, nil, client.Options{}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.client.Close)
}

func (p *puts) writeFile() {
	p.t.Helper()
	p.data = make([]byte, 100_000+mathrand.IntN(200_000))
	if _, err := rand.Read(p.data); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "f"), p.data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	var err error
	if p.id, err = p.client.Code().ID(p.data); err != nil {
		p.t.Fatal(err)
	}
}

func (p *puts) command() *exec.Cmd {
	return command(p.t, p.dir, "put", "--ledger", p.town.URL, "--genesis", "genesis.toml", "--epochs", "3", "f")
}

// paid is what the ledger has of who pays, and all fees.
type paid struct{ balance, nonce, fees uint64 }

func (p *puts) paid() paid {
	s := p.town.Ledger.State()
	a := ledger.Get[ledger.Account](s, ledger.AccountKey(genesis.AddressOf(p.key)))
	return paid{a.Balance, a.Nonce, s.System().Burned}
}

// kill begins a put and kills it: after a part of the time that it takes, early, or a moment
// after the blob is registered. It tells what the blob was then, and whether the put had ended.
func (p *puts) kill(usual time.Duration) (at string, ended bool) {
	p.t.Helper()
	cmd := p.command()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	height := p.town.Ledger.State().System().Height
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	over := make(chan error, 1)
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	go func() { over <- cmd.Wait(); cancel() }()
	wait := mathrand.N(usual)
	switch mathrand.IntN(4) {
	case 0: // early
		wait /= 8
	case 1, 2: // once the ledger has moved
		if _, _, err := p.town.Ledger.Events(ctx, chain.Cursor{Height: height + 1}, 1); err != nil {
			p.t.Fatal(err)
		}
		wait /= time.Duration(8 << (3 * mathrand.IntN(3)))
	}
	select {
	case err := <-over:
		if err != nil {
			p.t.Fatalf("put: %v; %s", err, &stderr)
		}
		return "", true
	case <-time.After(wait):
	}
	_ = cmd.Process.Kill() // it may have ended
	ended = <-over == nil  // it had ended before it was killed
	switch b := chain.BlobOf(p.town.Ledger.State(), p.id); {
	case b.Certified != nil:
		return "certified", ended
	case len(b.Registrations) > 0:
		return "registered", ended
	}
	return "unregistered", ended
}

// finish gives the put once more, and checks what has come of it.
func (p *puts) finish(before paid) {
	p.t.Helper()
	cmd := p.command()
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("put: %v; %s", err, out)
	}
	b := chain.BlobOf(p.town.Ledger.State(), p.id)
	if len(b.Registrations) != 1 || b.Certified == nil || b.End != 4 {
		p.t.Fatalf("%d registrations, certified %v, end %d; want one that is, and ends with epoch 4", len(b.Registrations), b.Certified, b.End)
	}
	encoded, err := p.client.Code().Params().EncodedLength(uint64(len(p.data)))
	if err != nil {
		p.t.Fatal(err)
	}
	units := (encoded + 1<<20 - 1) >> 20
	now := p.paid()
	cost := units * (3*nodetest.StoragePrice + nodetest.WritePrice)
	fees := now.fees - before.fees // of others, too
	if got := before.balance - now.balance; got <= cost || got > cost+fees || now.nonce != before.nonce+2 {
		p.t.Fatalf("paid %d in %d transactions, want %d and up to %d of fees in 2", got, now.nonce-before.nonce, cost, fees)
	}
	got, err := p.client.Read(p.t.Context(), p.id)
	if err != nil || !bytes.Equal(got, p.data) {
		p.t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(p.data))
	}
}
