package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// TestAdmission: what nobody can be made to pay for changes nothing.
func TestAdmission(t *testing.T) {
	w := newWorld(t)
	alice, poor := w.people[0], personKey("poor")
	give := Transfer{addressOf(w.people[1]), 1}
	sign := func(key ed25519.PrivateKey, change func(*Tx)) []byte {
		tx := Tx{Chain: w.state.ChainID(), Nonce: w.nonce(key), FeePerByte: 10, Action: give}
		change(&tx)
		data, err := tx.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := sign(alice, func(*Tx) {})
	cut := func(n int) []byte { return good[:n] }
	flip := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		return bad
	}
	for _, test := range []struct {
		name string
		tx   []byte
		want Rule
	}{
		{"nothing", nil, RuleMalformed},
		{"a signature alone", cut(64), RuleMalformed},
		{"too long", make([]byte, MaxTx+1), RuleMalformed},
		{"unknown action", flip(32 + 32 + 8 + 8), RuleMalformed}, // of another length
		{"changed amount", flip(len(good) - 64 - 8), RuleSignature},
		{"changed signature", flip(len(good) - 1), RuleSignature},
		{"somebody else's", flip(32), RuleSignature},
		{"another ledger's", sign(alice, func(tx *Tx) { tx.Chain[0] ^= 1 }), RuleChain},
		{"from the past", sign(alice, func(tx *Tx) { tx.Nonce-- }), RuleNonce},
		{"from the future", sign(alice, func(tx *Tx) { tx.Nonce++ }), RuleNonce},
		{"no fee", sign(alice, func(tx *Tx) { tx.FeePerByte = 0 }), RuleFee},
		{"of who has nothing", sign(poor, func(*Tx) {}), RuleFunds},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := w.state.Check(test.tx, 0); RuleOf(err) != test.want {
				t.Errorf("Check: %v, want rule %q", err, test.want)
			}
			before := w.state.draft().tree.Delete(SystemKey()).Root()
			r := w.block(test.tx).Results[0]
			if RuleOf(r.Err) != test.want || r.Fee != 0 {
				t.Errorf("%v, fee %d; want rule %q and none", r.Err, r.Fee, test.want)
			}
			if w.state.draft().tree.Delete(SystemKey()).Root() != before {
				t.Error("it changed the state")
			}
		})
	}
	if err := w.state.Check(sign(alice, func(tx *Tx) { tx.Nonce += 2 }), 2); err != nil {
		t.Errorf("the third of several: %v", err)
	}
	out := w.block(good, good)
	if out.Results[0].Err != nil || RuleOf(out.Results[1].Err) != RuleNonce {
		t.Errorf("sent twice: %v and %v, want rule %q for the second", out.Results[0].Err, out.Results[1].Err, RuleNonce)
	}
	w.checkInvariants()
}

func TestBlocks(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name string
		b    Block
	}{
		{"height too low", Block{Height: 0, Time: testStart}},
		{"height too high", Block{Height: 2, Time: testStart}},
		{"time runs backwards", Block{Height: 1, Time: testStart - 1}},
	} {
		if _, _, err := w.state.Apply(test.b); !errors.Is(err, ErrBlock) {
			t.Errorf("%s: error %v, want ErrBlock", test.name, err)
		}
	}
}

// TestFees: a flood makes every later transaction dearer, and quiet cheaper again.
func TestFees(t *testing.T) {
	w := newWorld(t)
	g := w.state.genesis
	g.BlockTarget = 2000
	alice := w.people[0]
	flood := func() [][]byte {
		txs := make([][]byte, 20)
		for i := range txs {
			tx := Tx{Chain: w.state.ChainID(), Nonce: w.nonce(alice) + uint64(i), FeePerByte: 1 << 20, Action: Transfer{addressOf(alice), 1}}
			var err error
			if txs[i], err = tx.Sign(alice); err != nil {
				t.Fatal(err)
			}
		}
		return txs
	}
	last := w.state.System().FeePerByte
	for range 20 {
		w.block(flood()...)
		if fee := w.state.System().FeePerByte; fee <= last {
			t.Fatalf("the fee is %d after a flood, and was %d", fee, last)
		} else {
			last = fee
		}
	}
	// Whoever pays nothing makes nothing dearer.
	var free [][]byte
	_, poor, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(20) {
		tx, err := Tx{Chain: w.state.ChainID(), Nonce: i, FeePerByte: 1 << 20, Action: Transfer{addressOf(alice), 1}}.Sign(poor)
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, tx)
	}
	if w.block(free...); w.state.System().FeePerByte > last {
		t.Errorf("the fee rose from %d to %d by what nobody paid for", last, w.state.System().FeePerByte)
	}
	for range 100 {
		w.block()
	}
	if fee := w.state.System().FeePerByte; fee > 8 {
		t.Errorf("the fee is %d after 100 empty blocks", fee)
	}
	w.checkInvariants()
}

func TestGenesis(t *testing.T) {
	good := newWorld(t).state.Genesis()
	for _, test := range []struct {
		name   string
		change func(*Genesis)
	}{
		{"no name", func(g *Genesis) { g.Name = "" }},
		{"three shards", func(g *Genesis) { g.Shards = 3 }},
		{"unknown scheme", func(g *Genesis) { g.Scheme = 9 }},
		{"too many epochs ahead", func(g *Genesis) { g.MaxEpochsAhead = 1001 }},
		{"burns more than all", func(g *Genesis) { g.BurnRate = 10_001 }},
		{"tolerates more than a doubled stake", func(g *Genesis) { g.StakeTolerance = 10_001 }},
		{"more nodes than shards", func(g *Genesis) { g.MaxNodes = 11 }},
		{"no nodes", func(g *Genesis) { g.Nodes = nil }},
		{"too many nodes", func(g *Genesis) { g.MaxNodes = 3 }},
		{"one account twice", func(g *Genesis) { g.Balances = append(g.Balances, g.Balances[0]) }},
		{"too much money", func(g *Genesis) { g.Balances = append(g.Balances, Balance{Address{1}, 1<<64 - 1}) }},
		{"too little stake", func(g *Genesis) { g.Nodes = append([]GenesisNode(nil), g.Nodes...); g.Nodes[0].Stake = 1 }},
		{"one node twice", func(g *Genesis) { g.Nodes = append(append([]GenesisNode(nil), g.Nodes...), g.Nodes[0]) }},
	} {
		g := good
		test.change(&g)
		if _, err := Begin(g); !errors.Is(err, ErrGenesis) {
			t.Errorf("%s: error %v, want ErrGenesis", test.name, err)
		}
	}
	other := good
	other.Start++
	if good.ChainID() == other.ChainID() {
		t.Error("two ledgers have the same id")
	}
}

// TestLightProof: who has a root alone learns the value of a key, or that it has none.
func TestLightProof(t *testing.T) {
	w := newWorld(t)
	b := w.blob("a", 1000)
	id := w.register(w.people[0], b, 2, true)
	root := w.state.Root()
	for _, key := range [][]byte{BlobKey(id), BlobKey(ObjectID{7}), CommitteeKey(1), CommitteeKey(2), SystemKey()} {
		data, err := w.state.Prove(key).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var proof tree.Proof
		if err := proof.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		value, ok, err := proof.Verify(root, key)
		want, has := w.state.tree.Get(key)
		if err != nil || ok != has || !bytes.Equal(value, want) {
			t.Errorf("key %q: %x, %v (%v); want %x, %v", key, value, ok, err, want, has)
		}
	}
	var got Blob
	value, _, _ := w.state.Prove(BlobKey(id)).Verify(root, BlobKey(id))
	if err := Read(value, &got); err != nil || got.ID != b.id {
		t.Errorf("read %+v (%v)", got, err)
	}
}

// history applies random transactions of all kinds in random blocks, and calls f after
// each block with it.
func history(t *rapid.T, w *world, blocks int, f func(Block)) {
	var objects []ObjectID
	pick := func() ObjectID {
		if len(objects) == 0 {
			return ObjectID{}
		}
		return rapid.SampledFrom(objects).Draw(t, "object")
	}
	person := func() ed25519.PrivateKey {
		return rapid.SampledFrom(append(append([]ed25519.PrivateKey(nil), w.people...), w.members[0].owner, w.members[1].owner)).Draw(t, "person")
	}
	node := func() NodeID { return rapid.SampledFrom(w.members).Draw(t, "node").id }
	amount := rapid.OneOf(rapid.Uint64Range(0, 5000), rapid.Uint64Range(0, 3*testMoney), rapid.Uint64())
	epochs := rapid.Uint32Range(0, 12)
	b := w.blob("any", 1000)
	action := func() Action {
		to := addressOf(person())
		switch rapid.IntRange(0, 22).Draw(t, "action") {
		case 0:
			return Transfer{to, amount.Draw(t, "amount")}
		case 1, 2:
			now := w.state.System().Epoch
			return ReserveSpace{amount.Draw(t, "size"), now + epochs.Draw(t, "start"), now + epochs.Draw(t, "end")}
		case 3:
			return SplitByEpoch{pick(), w.state.System().Epoch + epochs.Draw(t, "epoch")}
		case 4:
			return SplitBySize{pick(), amount.Draw(t, "size")}
		case 5:
			return Fuse{pick(), pick()}
		case 6:
			return TransferStorage{pick(), to}
		case 7:
			return RegisterBlob{pick(), b.id, b.root, b.length, encodingRS2, true}
		case 8, 9:
			return ReserveAndRegister{epochs.Draw(t, "epochs"), b.id, b.root, b.length, encodingRS2, rapid.Bool().Draw(t, "deletable")}
		case 10:
			return DeleteBlob{pick()}
		case 11:
			return ExtendWithStorage{pick(), pick()}
		case 12:
			return AddSubsidy{amount.Draw(t, "amount"), epochs.Draw(t, "epochs")}
		case 13, 14:
			return StakeWith{node(), amount.Draw(t, "amount")}
		case 15:
			return SplitStake{pick(), amount.Draw(t, "amount")}
		case 16, 17:
			return RequestWithdrawal{pick()}
		case 18, 19:
			return WithdrawStake{pick()}
		case 20:
			return CollectCommission{node()}
		case 21:
			return Vote{node(), Votes{rapid.Uint64Range(0, 1000).Draw(t, "price"), 5, rapid.Uint64().Draw(t, "capacity")}}
		}
		return VoteSlashing{node(), node()}
	}
	for range blocks {
		w.now += rapid.SampledFrom([]uint64{0, 1, 100, testEpoch / 2, testEpoch, 3 * testEpoch}).Draw(t, "time")
		block := Block{Height: w.state.System().Height + 1, Time: w.now}
		nonces := make(map[Address]uint64)
		for range rapid.IntRange(0, 5).Draw(t, "transactions") {
			key := person()
			ahead := nonces[addressOf(key)]
			nonces[addressOf(key)]++
			tx := Tx{Chain: w.state.ChainID(), Nonce: w.nonce(key) + ahead, FeePerByte: 100, Action: action()}
			data, err := tx.Sign(key)
			if err != nil {
				t.Fatal(err)
			}
			block.Txs = append(block.Txs, data)
			objects = append(objects, ObjectIDOf(Digest(data), 0))
		}
		out := w.block(block.Txs...)
		for i, r := range out.Results {
			if r.Err != nil && RuleOf(r.Err) == "" {
				t.Fatalf("transaction %d: %v breaks no rule", i, r.Err)
			}
		}
		f(block)
	}
}

// TestHistories: over any history no money is made or lost, what is counted is what is
// reserved, and a replay from genesis or from a snapshot has equal roots.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		genesis := w.state.Genesis()
		replay, err := Begin(genesis)
		if err != nil {
			t.Fatal(err)
		}
		history(t, w, rapid.IntRange(1, 15).Draw(t, "blocks"), func(b Block) {
			w.checkInvariants()
			if replay, _, err = replay.Apply(b); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "snapshot") == 0 {
				if replay, err = Restore(genesis, replay.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
			if replay.Root() != w.state.Root() {
				t.Fatalf("height %d: a replay has the root %x, want %x", b.Height, replay.Root(), w.state.Root())
			}
		})
	})
}

// FuzzTx: bytes of strangers are a transaction whose bytes they are, or malformed.
func FuzzTx(f *testing.F) {
	key := personKey("fuzz")
	for _, kind := range actions {
		data, err := Tx{Nonce: 3, FeePerByte: 4, Action: reflect.New(kind).Elem().Interface().(Action)}.Sign(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, a := range []Action{
		SetAttributes{ObjectID{1}, []Attribute{{"a", "b"}}}, RegisterNode{newMember(0).info}, CertifyBlob{ObjectID{2}, []byte("certificate")},
	} {
		data, err := Tx{Nonce: 3, FeePerByte: 4, Action: a}.Sign(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tx, body, _, err := decodeTx(data)
		if err != nil {
			if RuleOf(err) != RuleMalformed {
				t.Fatalf("error %v, want rule %q", err, RuleMalformed)
			}
			return
		}
		if !bytes.Equal(tx.body(), body) {
			t.Fatalf("% x was read as %+v, whose bytes are % x", body, tx, tx.body())
		}
	})
}

// FuzzEvent: bytes of strangers are an event whose bytes they are, or malformed.
func FuzzEvent(f *testing.F) {
	for _, kind := range events {
		f.Add(MarshalEvent(reflect.New(kind).Elem().Interface().(Event)))
	}
	f.Add(MarshalEvent(BlobCertified{Epoch: 1, Extension: true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEvent(data)
		if err != nil {
			if !errors.Is(err, codec.ErrMalformed) {
				t.Fatalf("error %v, want ErrMalformed", err)
			}
			return
		}
		if !bytes.Equal(MarshalEvent(e), data) {
			t.Fatalf("% x was read as %+v", data, e)
		}
	})
}

// BenchmarkTransfer applies blocks of a thousand transfers.
func BenchmarkTransfer(b *testing.B) {
	w := newWorld(b)
	random := rand.New(rand.NewPCG(1, 2))
	txs := make([][]byte, 1000)
	for i := range txs {
		tx := Tx{Chain: w.state.ChainID(), Nonce: uint64(i), FeePerByte: 1, Action: Transfer{Address{byte(random.Uint32()), byte(i)}, 1}}
		var err error
		if txs[i], err = tx.Sign(w.people[0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		next, out, err := w.state.Apply(Block{Height: 1, Time: w.now, Txs: txs})
		if err != nil || out.Results[999].Err != nil {
			b.Fatal(err, out.Results[999].Err)
		}
		next.Root()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/tx")
}

// TestParsed: what was read already is not read again, and changes nothing.
func TestParsed(t *testing.T) {
	w := newWorld(t)
	sign := func(nonce uint64) ([]byte, *Tx) {
		data, err := Tx{Chain: w.state.ChainID(), Nonce: nonce, FeePerByte: 1, Action: Transfer{Address{1}, 5}}.Sign(w.people[0])
		if err != nil {
			t.Fatal(err)
		}
		tx, err := ParseTx(data)
		if err != nil {
			t.Fatal(err)
		}
		return data, tx
	}
	first, read := sign(0)
	second, _ := sign(1)
	b := Block{Height: 1, Time: w.now, Txs: [][]byte{first, second}}
	want, out, err := w.state.Apply(b)
	if err != nil || out.Results[0].Err != nil || out.Results[1].Err != nil {
		t.Fatal(err, out.Results)
	}
	b.Parsed = map[TxDigest]*Tx{Digest(first): read}
	got, out, err := w.state.Apply(b)
	if err != nil || got.Root() != want.Root() || out.Results[0].Digest != Digest(first) || out.Results[1].Err != nil {
		t.Errorf("with one of two read: %v, %+v, another root: %v", err, out.Results, got.Root() != want.Root())
	}
	// Only its absence from what was read has a signature verified.
	forged := append([]byte(nil), second...)
	forged[len(forged)-1] ^= 1
	b.Txs[1] = forged
	if _, out, err = w.state.Apply(b); err != nil || RuleOf(out.Results[1].Err) != RuleSignature {
		t.Errorf("forged: %v, %+v; want rule %q", err, out.Results[1], RuleSignature)
	}
	_, tx := sign(1)
	b.Parsed[Digest(forged)] = tx
	if _, out, err = w.state.Apply(b); err != nil || out.Results[1].Err != nil {
		t.Errorf("read before: %v, %+v", err, out.Results[1])
	}
}
