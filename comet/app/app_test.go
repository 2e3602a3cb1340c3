package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// TestSameRoots: over any blocks, with crashes between any two steps, the application
// has the roots, events and results of the bare state machine.
func TestSameRoots(t *testing.T) {
	all, number := databases(t), 0
	rapid.Check(t, func(t *rapid.T) {
		number++
		s := begin(t, all, fmt.Sprint("roots ", number), nil)
		defer func() { s.app.Close() }()
		bare := s.app.State()
		users := world.NewUsers(bare, rapid.Uint64().Draw(t, "seed"))
		var events []chain.Event
		for range rapid.IntRange(1, 12).Draw(t, "blocks") {
			s.time = s.time.Add(time.Duration(rapid.SampledFrom([]int{1, 10, epochMilli / 2, epochMilli}).Draw(t, "pass")) * time.Millisecond)
			for range rapid.IntRange(0, 4).Draw(t, "transactions") {
				if r := s.check(users.Next()); r.Code != 0 {
					t.Fatalf("refused: %s: %s", r.Codespace, r.Log)
				}
			}
			crash := func(at string) {
				if rapid.IntRange(0, 4).Draw(t, "crash "+at) == 0 {
					s.reopen()
					proves(t, s.app)
				}
			}
			txs := s.propose()
			if len(txs) != len(s.pool) {
				t.Fatalf("%d transactions of %d are proposed", len(txs), len(s.pool))
			}
			if !s.judge(txs) {
				t.Fatal("an honest proposal is rejected")
			}
			crash("after the proposal")
			first := s.finalize(txs)
			crash("after the decision")
			f := s.finalize(txs)
			if !bytes.Equal(first.AppHash, f.AppHash) || len(first.TxResults) != len(f.TxResults) {
				t.Fatalf("decided again: root %x, was %x", f.AppHash, first.AppHash)
			}
			s.commit(f)
			s.recheck(txs)
			crash("after the block")

			before := bare
			if len(txs) > 0 || bare.Due() <= uint64(s.time.UnixMilli()) {
				next, out, err := bare.Apply(ledger.Block{Height: bare.System().Height + 1, Time: uint64(s.time.UnixMilli()), Txs: txs})
				if err != nil {
					t.Fatal(err)
				}
				bare = next
				h := bare.System().Height
				index := uint32(0)
				add := func(all []ledger.Event, tx *ledger.TxDigest) {
					for _, e := range all {
						events = append(events, chain.Event{Cursor: chain.Cursor{Height: h, Index: index}, Tx: tx, Event: e})
						index++
					}
				}
				add(out.Events, nil)
				for i, r := range out.Results {
					add(r.Events, &r.Digest)
					if got := f.TxResults[i].Codespace; got != string(ledger.RuleOf(r.Err)) {
						t.Fatalf("transaction %d broke %q, want %q", i, got, ledger.RuleOf(r.Err))
					}
				}
			}
			root := bare.Root()
			if !bytes.Equal(f.AppHash, root[:]) || s.app.State().Root() != root {
				t.Fatalf("height %d: root %x, want %x", s.height, f.AppHash, root)
			}
			if bare == before && !bytes.Equal(f.AppHash, first.AppHash) {
				t.Fatal("a block without anything to do changed the root")
			}
		}
		got, _, err := s.app.Events(canceled(), chain.Cursor{}, 10_000)
		if err != nil || !slices.EqualFunc(got, events, func(a, b chain.Event) bool {
			return a.Cursor == b.Cursor && a.Event == b.Event && (a.Tx == nil) == (b.Tx == nil) && (a.Tx == nil || *a.Tx == *b.Tx)
		}) {
			t.Fatalf("events %v (%v), want %v", got, err, events)
		}
	})
}

// proves fails unless there are proofs for all checkpoints that are certified or may be.
func proves(t fataler, a *App) {
	t.Helper()
	state := a.State()
	for epoch := range state.System().Epoch + 1 {
		open := ledger.Get[ledger.OpenCheckpoint](state, ledger.OpenCheckpointKey(epoch))
		if open == nil {
			continue
		}
		p, err := a.Archive().Prove(ctx, open.Height, ledger.SystemKey())
		if err == nil {
			_, _, err = p.Verify(open.Root, ledger.SystemKey())
		}
		if err != nil {
			t.Fatalf("the checkpoint of height %d, at height %d: %v", open.Height, state.System().Height, err)
		}
	}
}

func canceled() context.Context {
	c, cancel := context.WithCancel(ctx)
	cancel()
	return c
}

// TestReplay: an application without state has the same roots when the same blocks are
// decided again.
func TestReplay(t *testing.T) {
	all := databases(t)
	s := begin(t, all, "a", nil)
	users := world.NewUsers(s.app.State(), 7)
	type block struct {
		txs  [][]byte
		time time.Time
		root tree.Hash
	}
	var blocks []block
	for range 30 {
		s.time = s.time.Add(time.Second)
		for range 5 {
			s.check(users.Next())
		}
		blocks = append(blocks, block{s.block(), s.time, s.app.State().Root()})
	}
	again := begin(t, all, "b", nil)
	for i, b := range blocks {
		again.time = b.time
		again.commit(again.finalize(b.txs))
		if got := again.app.State().Root(); got != b.root {
			t.Fatalf("block %d: root %x, want %x", i+1, got, b.root)
		}
	}
	if e := s.app.State().System().Epoch; e < 3 {
		t.Errorf("epoch %d at the end, want several", e)
	}
}

// TestQuiet: blocks in which nothing happens are no blocks of the ledger, and time that
// has something to do asks for blocks until one is late enough.
func TestQuiet(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	root := s.app.State().Root()
	for range 3 {
		s.time = s.time.Add(time.Millisecond)
		if s.block(); s.app.State().Root() != root || s.app.Tick() != nil {
			t.Fatalf("height %d: the root changed, or there is a tick", s.height)
		}
	}
	// The clock is late enough, and the time of blocks is not yet: the tick stays.
	clock := s.time.Add(epochMilli / 2 * time.Millisecond)
	s.reopenAt(clock)
	tick := s.app.Tick()
	if tick == nil {
		t.Fatal("no tick, and something is due")
	}
	if r := s.check(tick); r.Code != 0 {
		t.Fatalf("the tick is refused: %s", r.Log)
	}
	if txs := s.block(); len(txs) > 0 || len(s.pool) != 1 {
		t.Fatalf("a block of %d transactions, and %d wait; want an empty one, and the tick", len(txs), len(s.pool))
	}
	s.time = clock
	s.block()
	for blocks := 0; s.app.Tick() != nil; blocks++ {
		if blocks == 3 {
			t.Fatal("there are ticks for ever")
		}
		s.check(s.app.Tick()) // what was due has made something else due
		s.block()
	}
	if len(s.pool) != 0 {
		t.Errorf("%d wait after what was due, want none", len(s.pool))
	}
	if p := ledger.Phase(s.app.State().System().Phase); p != ledger.PhaseSelected {
		t.Errorf("phase %v, want %v", p, ledger.PhaseSelected)
	}
	for _, tick := range []string{"redstuff tick ", "redstuff tick 12x", "redstuff tick 012", "redstuff tick 5000000", tickPrefix + "99999999999999999999"} {
		if r := s.check([]byte(tick)); r.Code == 0 {
			t.Errorf("%q is taken", tick)
		}
	}
}

// reopenAt starts the application again with a clock that stands still.
func (s *script) reopenAt(clock time.Time) {
	s.t.Helper()
	s.options.Now = func() time.Time { return clock }
	s.reopen()
}

// sign signs a transfer of a person's.
func sign(t fataler, state *ledger.State, person int, nonce, fee uint64) []byte {
	t.Helper()
	tx := ledger.Tx{Chain: state.ChainID(), Nonce: nonce, FeePerByte: fee, Action: ledger.Transfer{To: world.Address(world.Person(0)), Amount: 1}}
	data, err := tx.Sign(world.Person(person))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestMempool: what nobody pays for does not wait, nor does more than so much of one
// sender; nonces may come in any order.
func TestMempool(t *testing.T) {
	s := begin(t, databases(t), "a", func(o *Options) { o.MaxWaiting = 4 })
	state := s.app.State()
	bad := bytes.Clone(sign(t, state, 1, 0, 10))
	bad[len(bad)-1] ^= 1
	other := sign(t, state, 1, 0, 11)
	for _, test := range []struct {
		name string
		tx   []byte
		want ledger.Rule
	}{
		{"rubbish", []byte("rubbish"), ledger.RuleMalformed},
		{"too long", make([]byte, ledger.MaxTx+1), ledger.RuleMalformed},
		{"changed signature", bad, ledger.RuleSignature},
		{"too cheap", sign(t, state, 1, 0, 0), ledger.RuleFee},
		{"of who has nothing", sign(t, state, 99, 0, 10), ledger.RuleFunds},
		{"far ahead", sign(t, state, 1, 4, 10), ledger.RuleNonce},
		{"third", sign(t, state, 1, 2, 10), ""},
		{"first", sign(t, state, 1, 0, 10), ""},
		{"first again", sign(t, state, 1, 0, 10), ""},
		{"another first", other, ledger.RuleNonce},
		{"second", sign(t, state, 1, 1, 10), ""},
		{"fourth", sign(t, state, 1, 3, 10), ""},
		{"fifth", sign(t, state, 1, 4, 10), ledger.RuleNonce},
	} {
		r := s.check(test.tx)
		if r.Codespace != string(test.want) {
			t.Errorf("%s: rule %q (%s), want %q", test.name, r.Codespace, r.Log, test.want)
		}
		if taken := test.name == "another first"; taken != (r.Code == CodeTaken) {
			t.Errorf("%s: code %d", test.name, r.Code)
		}
	}
	s.pool = slices.Delete(s.pool, 1, 2) // CometBFT takes none twice
	if txs := s.block(); len(txs) != 4 {
		t.Errorf("a block of %d transactions, want all 4", len(txs))
	}
	if a := ledger.Get[ledger.Account](s.app.State(), ledger.AccountKey(world.Address(world.Person(1)))); a.Nonce != 4 {
		t.Errorf("nonce %d, want 4", a.Nonce)
	}
	if r := s.check(sign(t, state, 1, 0, 10)); r.Codespace != string(ledger.RuleNonce) {
		t.Errorf("sent again: rule %q, want %q", r.Codespace, ledger.RuleNonce)
	}
}

// TestForged: what no honest node passes on is told from what is refused for the state that
// one node has; and time is spent on signatures of what somebody would pay for alone.
func TestForged(t *testing.T) {
	s := begin(t, databases(t), "a", func(o *Options) { o.MaxWaiting = 4 })
	state := s.app.State()
	forge := func(tx []byte) []byte {
		tx = bytes.Clone(tx)
		tx[len(tx)-1] ^= 1
		return tx
	}
	for _, test := range []struct {
		name string
		tx   []byte
		want ledger.Rule
	}{
		{"good", sign(t, state, 1, 0, 10), ""},
		{"a tick", []byte(tickPrefix + "5"), ""},
		{"nothing", nil, ledger.RuleMalformed},
		{"rubbish", []byte("rubbish"), ledger.RuleMalformed},
		{"too long", make([]byte, ledger.MaxTx+1), ledger.RuleMalformed},
		{"forged", forge(sign(t, state, 1, 0, 10)), ledger.RuleSignature},
		{"of who has nothing", sign(t, state, 99, 0, 10), ""},
		{"of who has nothing, and forged", forge(sign(t, state, 99, 0, 10)), ""},
		{"far ahead", forge(sign(t, state, 1, 4, 10)), ""},
		{"too cheap", forge(sign(t, state, 1, 0, 0)), ""},
	} {
		if err := s.app.Forged(test.tx); ledger.RuleOf(err) != test.want {
			t.Errorf("%s: %v, want rule %q", test.name, err, test.want)
		}
		if r := s.check(test.tx); test.want != "" && r.Codespace != string(test.want) {
			t.Errorf("%s: refused for %q, want %q", test.name, r.Codespace, test.want)
		}
	}
	if n := len(s.app.verified.young); n != 1 {
		t.Errorf("%d signatures were found right, want that of the good one alone", n)
	}
}

// TestFlood: the fees of all that waits of a sender are there.
func TestFlood(t *testing.T) {
	poor := world.Key("person 50")
	s := begin(t, databases(t), "a", func(o *Options) {
		o.Genesis.FeePerByte = 100
		o.Genesis.Balances = append(o.Genesis.Balances, ledger.Balance{Account: world.Address(poor), Amount: 60_000})
	})
	taken := 0
	for nonce := range uint64(10) {
		if r := s.check(sign(t, s.app.State(), 50, nonce, 100)); r.Code == 0 {
			taken++
		} else if r.Codespace != string(ledger.RuleFunds) {
			t.Errorf("transaction %d: rule %q, want %q", nonce, r.Codespace, ledger.RuleFunds)
		}
	}
	if length := len(sign(t, s.app.State(), 50, 0, 100)); taken != 60_000/(100*length) {
		t.Errorf("%d transactions of %d bytes wait, and 60,000 pay for %d", taken, length, 60_000/(100*length))
	}
}

// TestProposals: a proposal is within its size, and one that nobody honest makes is
// rejected.
func TestProposals(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	state := s.app.State()
	good := sign(t, state, 1, 0, 10)
	for _, test := range []struct {
		name string
		txs  [][]byte
		want bool
	}{
		{"nothing", nil, true},
		{"one", [][]byte{good}, true},
		{"two in order", [][]byte{good, sign(t, state, 1, 1, 10)}, true},
		{"rubbish", [][]byte{good, []byte("rubbish")}, false},
		{"a tick", [][]byte{[]byte(tickPrefix + "5")}, false},
		{"twice", [][]byte{good, good}, false},
		{"out of order", [][]byte{sign(t, state, 1, 1, 10), good}, false},
		{"unpaid", [][]byte{sign(t, state, 77, 0, 10)}, false},
		{"breaks a rule, and is paid for", [][]byte{broken(t, state)}, true},
	} {
		if got := s.judge(test.txs); got != test.want {
			t.Errorf("%s: accepted %v, want %v", test.name, got, test.want)
		}
	}
	for nonce := range uint64(5) {
		s.check(sign(t, state, 1, nonce, 10))
	}
	s.pool = append(s.pool, []byte("rubbish"), sign(t, state, 77, 0, 10))
	most := int64(3*len(good) + 20)
	p, err := s.app.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: s.pool, MaxTxBytes: most, Height: 1, Time: s.time})
	if err != nil || len(p.Txs) != 3 {
		t.Errorf("%d transactions in %d bytes (%v), want 3", len(p.Txs), most, err)
	}
	if txs := s.propose(); len(txs) != 5 || !s.judge(txs) {
		t.Errorf("%d transactions proposed, want the 5 that are paid for", len(txs))
	}
}

func broken(t fataler, state *ledger.State) []byte {
	t.Helper()
	data, err := ledger.Tx{Chain: state.ChainID(), FeePerByte: 10, Action: ledger.Transfer{}}.Sign(world.Person(2))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWeight: a block is proposed, and accepted, with no more certificates than there is
// time to verify.
func TestWeight(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	state := s.app.State()
	cert := func(nonce uint64) []byte {
		tx := ledger.Tx{Chain: state.ChainID(), Nonce: nonce, FeePerByte: 10, Action: ledger.CertifyBlob{Certificate: []byte("certificate")}}
		data, err := tx.Sign(world.Person(1))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if r := s.check(cert(0)); r.Code != 0 || r.GasWanted != heavyWeight {
		t.Errorf("a certificate weighs %d (%s), want %d", r.GasWanted, r.Log, heavyWeight)
	}
	if r := s.check(sign(t, state, 2, 0, 10)); r.GasWanted != lightWeight {
		t.Errorf("a transfer weighs %d, want %d", r.GasWanted, lightWeight)
	}
	batch := ledger.Tx{Chain: state.ChainID(), Nonce: 1, FeePerByte: 10, Action: ledger.BatchOf(
		ledger.CertifyBlob{}, ledger.Transfer{}, ledger.PassChallenge{},
	)}
	data, err := batch.Sign(world.Person(1))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.check(data); r.Code != 0 || r.GasWanted != 2*heavyWeight+2*lightWeight {
		t.Errorf("a batch with two certificates weighs %d (%s), want %d", r.GasWanted, r.Log, 2*heavyWeight+2*lightWeight)
	}
	var txs [][]byte
	for nonce := range uint64(MaxWeight/heavyWeight + 1) {
		txs = append(txs, cert(nonce))
	}
	if s.judge(txs) || !s.judge(txs[:len(txs)-1]) {
		t.Error("a block of the greatest weight is rejected, or one above it accepted")
	}
	s.pool = txs
	if got := s.propose(); len(got) != len(txs)-1 {
		t.Errorf("%d certificates are proposed, want %d", len(got), len(txs)-1)
	}
}

// TestQuery: a value, and the absence of one, are proven against the root.
func TestQuery(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	s.check(sign(t, s.app.State(), 1, 0, 10))
	s.block()
	root := s.app.State().Root()
	for _, key := range [][]byte{ledger.SystemKey(), ledger.AccountKey(ledger.Address{9})} {
		q, err := s.app.Query(ctx, &abci.RequestQuery{Path: QueryPath, Data: key, Prove: true})
		if err != nil || q.Code != 0 || len(q.ProofOps.Ops) != 1 || q.Height != 1 {
			t.Fatalf("key %q: %+v (%v)", key, q, err)
		}
		var p tree.Proof
		if err := p.UnmarshalBinary(q.ProofOps.Ops[0].Data); err != nil {
			t.Fatal(err)
		}
		value, ok, err := p.Verify(root, key)
		if err != nil || ok != (q.Value != nil) || !bytes.Equal(value, q.Value) {
			t.Errorf("key %q: proven %x, %v (%v); answered %x", key, value, ok, err, q.Value)
		}
	}
	for _, test := range []struct {
		name string
		q    abci.RequestQuery
		want uint32
	}{
		{"another path", abci.RequestQuery{Path: "/", Data: ledger.SystemKey()}, codePath},
		{"no key", abci.RequestQuery{Path: QueryPath}, codeKey},
		{"a long key", abci.RequestQuery{Path: QueryPath, Data: make([]byte, tree.MaxKey+1)}, codeKey},
		{"the past", abci.RequestQuery{Path: QueryPath, Data: ledger.SystemKey(), Height: 7}, codeHeight},
	} {
		if q, err := s.app.Query(ctx, &test.q); err != nil || q.Code != test.want {
			t.Errorf("%s: code %d (%v), want %d", test.name, q.Code, err, test.want)
		}
	}
}

// TestRetain: blocks are kept while validators answer for them and snapshots stand
// before them, and events for their time.
func TestRetain(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, databases(t), "a", func(o *Options) {
		o.RetainBlocks, o.RetainEvents, o.SnapshotEvery, o.KeepSnapshots, o.Snapshots = 10, 5, 4, 2, dir
	})
	for nonce := range uint64(30) {
		s.check(sign(t, s.app.State(), 1, nonce, 10))
		c := s.commit(s.finalize(s.propose()))
		s.recheck(s.pool)
		s.pool = nil
		s.app.snapshots.wait()
		h := int64(nonce) + 1
		oldest := max(0, (h-1)/4*4-4) // before the block's own snapshot is made
		if want := min(h-10, max(oldest, 0)); h > 12 && c.RetainHeight != want {
			t.Errorf("height %d: blocks from %d on are kept, want %d", h, c.RetainHeight, want)
		}
	}
	if _, _, err := s.app.Events(canceled(), chain.Cursor{Height: 25}, 10); !errors.Is(err, ErrPruned) {
		t.Errorf("events of height 25: %v, want ErrPruned", err)
	}
	if _, next, err := s.app.Events(canceled(), chain.Cursor{Height: 26}, 10); err != nil || next.Height != 31 {
		t.Errorf("events of height 26 on end at %v (%v), want height 31", next, err)
	}
}

// TestOpenErrors: the state of another ledger, or one that was changed, is not taken.
func TestOpenErrors(t *testing.T) {
	all := databases(t)
	s := begin(t, all, "a", nil)
	s.check(sign(t, s.app.State(), 1, 0, 10))
	s.block()
	s.app.Close()
	o := s.options
	o.Genesis.Name = "other"
	if _, err := Open(o); !errors.Is(err, ErrState) {
		t.Errorf("another ledger: %v, want ErrState", err)
	}
	o.Genesis = ledger.Genesis{}
	if _, err := Open(o); !errors.Is(err, ledger.ErrGenesis) {
		t.Errorf("no genesis: %v, want ErrGenesis", err)
	}
	key := append([]byte{kindState}, ledger.AccountKey(world.Address(world.Person(3)))...)
	if err := all.Database("a").Delete(key); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.options); !errors.Is(err, ErrState) {
		t.Errorf("a key is gone: %v, want ErrState", err)
	}
}

// TestWrongCalls: CometBFT is told when it asks for what cannot be.
func TestWrongCalls(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	if _, err := s.app.Commit(ctx, nil); !errors.Is(err, ErrState) {
		t.Errorf("Commit before a block: %v, want ErrState", err)
	}
	for _, test := range []struct {
		name string
		r    abci.RequestFinalizeBlock
	}{
		{"height", abci.RequestFinalizeBlock{Height: 2, NextValidatorsHash: s.hashes[2]}},
		{"validators", abci.RequestFinalizeBlock{Height: 1, NextValidatorsHash: []byte("others")}},
	} {
		if _, err := s.app.FinalizeBlock(ctx, &test.r); !errors.Is(err, ErrState) {
			t.Errorf("wrong %s: %v, want ErrState", test.name, err)
		}
	}
	for _, test := range []struct {
		name string
		r    abci.RequestInitChain
	}{
		{"chain", abci.RequestInitChain{ChainId: "other", Validators: updates(nil, s.app.Validators())}},
		{"validators", abci.RequestInitChain{ChainId: ChainID(s.app.State().ChainID())}},
	} {
		if _, err := s.app.InitChain(ctx, &test.r); !errors.Is(err, ErrState) {
			t.Errorf("wrong %s: %v, want ErrState", test.name, err)
		}
	}
}
