package app

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/ledger"
)

const (
	start      = 5_000_000
	epochMilli = 10_000
)

// fataler is a test, or one of rapid's.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// script plays CometBFT before one application: it makes blocks of what the mempool
// takes, at times that the test says.
type script struct {
	t       fataler
	options Options
	all     *kv.Databases
	app     *App
	height  int64
	time    time.Time
	pool    [][]byte
	hashes  [][]byte // of the validators at each height, from 1 on
	results []*abci.ExecTxResult
}

func databases(t testing.TB) *kv.Databases {
	t.Helper()
	all, err := kv.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Close(); err != nil {
			t.Error(err)
		}
	})
	return all
}

var ctx = context.Background()

// begin starts a chain whose application keeps its state in a database.
func begin(t fataler, all *kv.Databases, name string, change func(*Options)) *script {
	t.Helper()
	s := &script{t: t, all: all, time: time.UnixMilli(start)}
	s.options = Options{Genesis: world.Genesis(4, start, epochMilli), DB: all.Database(name), Now: func() time.Time { return s.time }}
	if change != nil {
		change(&s.options)
	}
	s.reopen()
	hash := set(s.app.Validators()).Hash()
	s.hashes = [][]byte{nil, hash, hash}
	resp, err := s.app.InitChain(ctx, &abci.RequestInitChain{ChainId: ChainID(s.app.State().ChainID()), Validators: updates(nil, s.app.Validators())})
	if root := s.app.State().Root(); err != nil || string(resp.AppHash) != string(root[:]) {
		t.Fatalf("InitChain: %v, %v", resp, err)
	}
	return s
}

// reopen ends the application as a crash does, and starts it again.
func (s *script) reopen() {
	s.t.Helper()
	if s.app != nil {
		s.app.Close()
	}
	a, err := Open(s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.app = a
}

// check asks whether a transaction may wait, and has it wait.
func (s *script) check(tx []byte) *abci.ResponseCheckTx {
	s.t.Helper()
	r, err := s.app.CheckTx(ctx, &abci.RequestCheckTx{Tx: tx})
	if err != nil {
		s.t.Fatal(err)
	}
	if r.Code == abci.CodeTypeOK {
		s.pool = append(s.pool, tx)
	}
	return r
}

// propose returns what the application makes of the pool.
func (s *script) propose() [][]byte {
	s.t.Helper()
	p, err := s.app.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: s.pool, MaxTxBytes: 1 << 20, Height: s.height + 1, Time: s.time})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Txs
}

func (s *script) judge(txs [][]byte) bool {
	s.t.Helper()
	p, err := s.app.ProcessProposal(ctx, &abci.RequestProcessProposal{Txs: txs, Height: s.height + 1, Time: s.time})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Status == abci.ResponseProcessProposal_ACCEPT
}

func (s *script) finalize(txs [][]byte) *abci.ResponseFinalizeBlock {
	s.t.Helper()
	f, err := s.app.FinalizeBlock(ctx, &abci.RequestFinalizeBlock{
		Txs: txs, Height: s.height + 1, Time: s.time, NextValidatorsHash: s.hashes[s.height+2],
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// block proposes, judges, decides and commits a block of what waits.
func (s *script) block() (txs [][]byte) {
	s.t.Helper()
	txs = s.propose()
	if !s.judge(txs) {
		s.t.Fatalf("height %d: an honest proposal is rejected", s.height+1)
	}
	f := s.finalize(txs)
	s.commit(f)
	s.recheck(txs)
	return txs
}

func (s *script) commit(f *abci.ResponseFinalizeBlock) *abci.ResponseCommit {
	s.t.Helper()
	c, err := s.app.Commit(ctx, &abci.RequestCommit{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.height++
	s.hashes = append(s.hashes, set(s.app.Validators()).Hash())
	s.results = f.TxResults
	return c
}

// recheck asks again for what was not in the block.
func (s *script) recheck(done [][]byte) {
	s.t.Helper()
	in := make(map[[sha256.Size]byte]bool)
	for _, tx := range done {
		in[ledger.Digest(tx)] = true
	}
	pool := s.pool
	s.pool = nil
	for _, tx := range pool {
		if in[ledger.Digest(tx)] {
			continue
		}
		r, err := s.app.CheckTx(ctx, &abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_Recheck})
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Code == abci.CodeTypeOK {
			s.pool = append(s.pool, tx)
		}
	}
}
