package ledger

import (
	"crypto/ed25519"
	"fmt"
	"testing"
)

// bench is a ledger with many people, in which there is room for many blobs.
type bench struct {
	*world
	nonces map[Address]uint64
}

func newBench(b *testing.B) *bench {
	w := newWorld(b)
	g := w.state.Genesis()
	g.MaxEpochsAhead, g.Balances = 53, nil
	w.people = nil
	for i := range 100 {
		key := personKey(fmt.Sprint("person ", i))
		w.people = append(w.people, key)
		g.Balances = append(g.Balances, Balance{addressOf(key), 1 << 50})
	}
	for i := range g.Nodes {
		g.Nodes[i].Node.Votes = Votes{StoragePrice: 1, WritePrice: 1, Capacity: 1 << 60}
	}
	var err error
	if w.state, err = Begin(g); err != nil {
		b.Fatal(err)
	}
	for id, n := range w.state.Nodes() {
		for _, m := range w.members {
			if m.info.Name == n.Info.Name {
				m.id = id
			}
		}
	}
	return &bench{w, make(map[Address]uint64)}
}

// sign makes a transaction of the sender's next nonce, of those that are not sent yet.
func (b *bench) sign(key ed25519.PrivateKey, a Action) []byte {
	b.t.Helper()
	from := addressOf(key)
	data, err := Tx{Chain: b.state.ChainID(), Nonce: b.nonces[from], FeePerByte: 1 << 40, Action: a}.Sign(key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.nonces[from]++
	return data
}

// blobs registers blobs, and certifies those that are to be.
func (b *bench) blobs(count int, certified bool) (objects []ObjectID, blobs []blob) {
	b.t.Helper()
	for from := 0; from < count; from += 1000 {
		var txs [][]byte
		for i := from; i < min(count, from+1000); i++ {
			x := b.blob(fmt.Sprint("blob ", i), 1<<20)
			tx := b.sign(b.people[i%len(b.people)], ReserveAndRegister{5, x.id, x.root, x.length, encodingRS2, false})
			txs, blobs, objects = append(txs, tx), append(blobs, x), append(objects, ObjectIDOf(Digest(tx), 0))
		}
		b.must(txs)
	}
	if certified {
		var txs [][]byte
		for i, id := range objects {
			txs = append(txs, b.sign(b.people[i%len(b.people)], CertifyBlob{id, b.certificate(stored(blobs[i]), 0, 1, 2)}))
		}
		b.must(txs)
	}
	return objects, blobs
}

func (b *bench) must(txs [][]byte) {
	b.t.Helper()
	for i, r := range b.block(txs...).Results {
		if r.Err != nil {
			b.t.Fatalf("transaction %d: %v", i, r.Err)
		}
	}
}

// BenchmarkApply measures blocks of transactions of one kind, in a ledger of 10,000
// blobs: with their signatures, and the root of the state.
func BenchmarkApply(b *testing.B) {
	const count = 500
	w := newBench(b)
	objects, blobs := w.blobs(10_000, false)
	certificates := make([][]byte, count)
	for i := range certificates {
		certificates[i] = w.certificate(stored(blobs[i]), 0, 1, 2)
	}
	certified := *w.world
	certified.t = b
	extensible := &bench{&certified, w.nonces}
	var txs [][]byte
	for i := range count {
		txs = append(txs, w.sign(w.people[i%100], CertifyBlob{objects[i], certificates[i]}))
	}
	extensible.must(txs)
	nonces := w.nonces
	for _, test := range []struct {
		name   string
		on     *bench
		action func(i int) Action
	}{
		{"Transfer", w, func(i int) Action { return Transfer{Address{byte(i), byte(i >> 8)}, 1} }},
		{"ReserveSpace", w, func(int) Action { return ReserveSpace{1 << 20, 1, 6} }},
		{"ReserveAndRegister", w, func(i int) Action {
			x := w.blob(fmt.Sprint("new ", i), 1<<20)
			return ReserveAndRegister{5, x.id, x.root, x.length, encodingRS2, false}
		}},
		{"CertifyBlob", w, func(i int) Action { return CertifyBlob{objects[i], certificates[i]} }},
		{"ExtendBlob", extensible, func(i int) Action { return ExtendBlob{objects[i], 5} }},
		{"DeleteBlob refused", w, func(i int) Action { return DeleteBlob{objects[i]} }},
		{"StakeWith", w, func(int) Action { return StakeWith{w.members[0].id, 5000} }},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.on.t, test.on.nonces = b, make(map[Address]uint64)
			for a, nonce := range nonces {
				test.on.nonces[a] = nonce
			}
			if test.on == w { // those who certified for the other ledger did not here
				for i := range 100 {
					test.on.nonces[addressOf(w.people[i])] = w.nonce(w.people[i])
				}
			}
			txs, size := make([][]byte, count), 0
			for i := range txs {
				txs[i] = test.on.sign(w.people[i%100], test.action(i))
				size += len(txs[i])
			}
			b.ReportAllocs()
			for b.Loop() {
				next, out, err := test.on.state.Apply(Block{Height: test.on.state.System().Height + 1, Time: test.on.now, Txs: txs})
				if rule := RuleOf(out.Results[count-1].Err); err != nil || rule != "" && rule != RulePermanent {
					b.Fatal(err, out.Results[count-1].Err)
				}
				next.Root()
			}
			b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "tx/s")
			b.ReportMetric(float64(size)/count, "B/tx")
		})
	}
}

// BenchmarkSize measures what a blob takes in the ledger: the entries of a state, which
// are those of a snapshot, and the bytes of its transactions.
func BenchmarkSize(b *testing.B) {
	size := func(s *State) (bytes int) {
		for k, v := range s.Snapshot() {
			bytes += len(k) + len(v)
		}
		return bytes
	}
	for _, certified := range []bool{false, true} {
		b.Run(fmt.Sprintf("certified=%v", certified), func(b *testing.B) {
			const count = 200
			for b.Loop() {
				w := newBench(b)
				before := size(w.state)
				w.blobs(count, certified)
				b.ReportMetric(float64(size(w.state)-before)/count, "B/blob")
			}
		})
	}
}

// BenchmarkCheckpoint measures what a checkpoint costs the ledger: the signatures of a
// quorum of four members.
func BenchmarkCheckpoint(b *testing.B) {
	w := newWorld(b)
	w.pass(testEpoch / 2)
	w.pass(0)
	c := w.open(1).Checkpoint
	var txs [][]byte
	for i := range 3 {
		tx := Tx{Chain: w.state.ChainID(), FeePerByte: 1, Action: w.signature(i, 1, c)}
		data, err := tx.Sign(w.members[i].owner)
		if err != nil {
			b.Fatal(err)
		}
		txs = append(txs, data)
	}
	for b.Loop() {
		next, _, err := w.state.Apply(Block{Height: w.state.System().Height + 1, Time: w.now, Txs: txs})
		if err != nil || Get[Certified](next, HandoverKey(1)) == nil {
			b.Fatal(err, "not certified")
		}
	}
	b.ReportMetric(float64(len(txs[0])), "B/signature")
}
