package daemon

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// do has the account do something.
func (w *town) do(action ledger.Action) {
	w.t.Helper()
	if _, err := w.account.Do(w.t.Context(), action); err != nil {
		w.t.Fatal(err)
	}
}

// register registers a blob, and does not store it.
func (w *town) register(blob string, epochs uint32, permanent bool) commit.BlobID {
	w.t.Helper()
	encoding, err := w.clients[0].Code().Encode([]byte(blob))
	if err != nil {
		w.t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		w.t.Fatal(err)
	}
	r := account.Registrar{Account: w.account, Epochs: epochs, Permanent: permanent, Hasher: hasher}
	if _, err := r.Register(w.t.Context(), encoding.ID(), encoding.Metadata(), func(committee.Attestation) {}); err != nil {
		w.t.Fatal(err)
	}
	return encoding.ID()
}

// TestReuse asks for resources to be reused, and for that not to be, with all that an account may
// have: the answer says what was done, its costs are what was paid, and the ledger has what it says.
func TestReuse(t *testing.T) {
	w := startTown(t)
	encoded, err := w.clients[0].Code().Params().EncodedLength(1000)
	if err != nil {
		t.Fatal(err)
	}
	units := unitsOf(encoded)
	type operation = map[string]map[string]uint64
	scratch := func(epochs uint64) operation {
		return operation{"registerFromScratch": {"encodedLength": encoded, "epochsAhead": epochs}}
	}
	reserve := func(size uint64, end uint32) func(string) {
		return func(string) { w.do(ledger.ReserveSpace{Size: size, Start: 1, End: end}) }
	}
	put := func(query string) func(string) { return func(blob string) { w.put(query, blob) } }
	for _, c := range []struct {
		name    string
		before  func(blob string)
		query   string
		want    operation // nil is that it is certified already
		cost    uint64
		end     uint32
		storage uint64 // its size, if it is not what the blob takes
	}{
		{"nothing to reuse", nil, "epochs=3&reuse_resources=true", scratch(3), units * (nodetest.WritePrice + 3*nodetest.StoragePrice), 4, 0},
		{"storage", reserve(encoded, 6), "epochs=3&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 6, 0},
		{"storage, for a permanent blob", reserve(encoded+7, 4), "epochs=3&permanent=true&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 4, encoded + 7},
		{"storage, by force", reserve(encoded, 6), "epochs=3&force=true&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 6, 0},
		{"storage, which is not to be", reserve(encoded, 6), "epochs=3", scratch(3), units * (nodetest.WritePrice + 3*nodetest.StoragePrice), 4, 0},
		{"the storage of before", nil, "epochs=3&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 6, 0},
		{"storage that is too small", reserve(encoded-1, 9), "epochs=3&reuse_resources=true", scratch(3), units * (nodetest.WritePrice + 3*nodetest.StoragePrice), 4, 0},
		{"storage that ends too early", reserve(encoded, 3), "epochs=3&reuse_resources=true", scratch(3), units * (nodetest.WritePrice + 3*nodetest.StoragePrice), 4, 0},
		{"storage that begins too late", func(string) { w.do(ledger.ReserveSpace{Size: encoded, Start: 2, End: 9}) }, "epochs=3&reuse_resources=true", scratch(3), units * (nodetest.WritePrice + 3*nodetest.StoragePrice), 4, 0},
		{"of storages the smallest", func(string) {
			for _, size := range []uint64{encoded + 9, encoded + 1, encoded + 5} {
				w.do(ledger.ReserveSpace{Size: size, Start: 1, End: 5})
			}
		}, "epochs=3&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 5, encoded + 1},
		{"a registration", func(blob string) { w.register(blob, 4, false) }, "epochs=3&reuse_resources=true", operation{"reuseRegistration": {"encodedLength": encoded}}, 0, 5, 0},
		{"a registration that ends too early", func(blob string) { w.register(blob, 2, false) }, "epochs=5&reuse_resources=true", operation{"reuseAndExtendNonCertified": {"encodedLength": encoded, "epochsExtended": 3}}, units * 3 * nodetest.StoragePrice, 6, 0},
		{"that, not to be reused", func(blob string) { w.register(blob, 2, false) }, "epochs=5", scratch(5), units * (nodetest.WritePrice + 5*nodetest.StoragePrice), 6, 0},
		{"a registration of the other kind", func(blob string) { w.register(blob, 2, true) }, "epochs=4&force=false&reuse_resources=true", operation{"reuseStorage": {"encodedLength": encoded}}, units * nodetest.WritePrice, 5, encoded + 5},
		{"a blob that ends too early", put("epochs=2"), "epochs=4&reuse_resources=true", operation{"reuseAndExtend": {"encodedLength": encoded, "epochsExtended": 2}}, units * 2 * nodetest.StoragePrice, 5, 0},
		{"a permanent blob that ends too early", put("epochs=2&permanent=true"), "epochs=3&permanent=true&reuse_resources=true", operation{"reuseAndExtend": {"encodedLength": encoded, "epochsExtended": 1}}, units * nodetest.StoragePrice, 4, 0},
		{"that, not to be reused", put("epochs=2"), "epochs=6", scratch(6), units * (nodetest.WritePrice + 6*nodetest.StoragePrice), 7, 0},
		{"one that lasts as long", put("epochs=3"), "epochs=3&reuse_resources=true", nil, 0, 4, 0},
		{"one that ends too early, and a registration that does not", func(blob string) {
			w.put("epochs=2", blob)
			w.register(blob+"x", 1, false) // of another blob
			encoding, err := w.clients[0].Code().Encode([]byte(blob))
			if err != nil {
				t.Fatal(err)
			}
			root, err := encoding.Metadata().Root(mustHasher(t))
			if err != nil {
				t.Fatal(err)
			}
			w.do(ledger.ReserveAndRegister{Epochs: 5, ID: encoding.ID(), Root: root, Length: uint64(len(blob)), Encoding: ledger.EncodingRS2, Deletable: true})
		}, "epochs=4&reuse_resources=true", operation{"reuseRegistration": {"encodedLength": encoded}}, 0, 6, 0},
	} {
		blob := fmt.Sprintf("%-1000s", c.name)
		if c.before != nil {
			c.before(blob)
		}
		before := w.balance()
		a := w.put(c.query, blob)
		paid := before - w.balance()
		if c.want == nil {
			if a.AlreadyCertified == nil || a.AlreadyCertified.EndEpoch != c.end || paid != 0 {
				t.Errorf("%s: %+v for %d, want it certified already until %d, for nothing", c.name, a, paid, c.end)
			}
			continue
		}
		got := a.NewlyCreated
		if got == nil || !maps.EqualFunc(got.ResourceOperation, c.want, maps.Equal) || got.Cost != c.cost || paid < c.cost || paid > c.cost+fees {
			t.Errorf("%s: %+v for %d, want %v for %d", c.name, a, paid, c.want, c.cost)
			continue
		}
		size := encoded
		if c.storage > 0 {
			size = c.storage
		}
		o, b := got.BlobObject, w.record(got.BlobObject.ID)
		if b == nil || b.Certified == nil || *b.Certified != o.CertifiedEpoch || b.Storage.Start != o.Storage.StartEpoch || b.Storage.End != o.Storage.EndEpoch || b.Storage.Size != o.Storage.StorageSize || b.Deletable != o.Deletable {
			t.Errorf("%s: answered %+v, and the ledger has %+v", c.name, o, b)
			continue
		}
		if o.Storage.EndEpoch != c.end || o.Storage.StorageSize != size || o.Deletable == strings.Contains(c.query, "permanent") {
			t.Errorf("%s: %+v, want it until epoch %d, of %d bytes", c.name, o, c.end, size)
		}
		if answer, back := w.ask("GET", "/v1/blobs/"+o.BlobID, nil); answer.StatusCode != 200 || back != blob {
			t.Errorf("%s: read back: %d, %d bytes", c.name, answer.StatusCode, len(back))
		}
	}
	if answer, got := w.ask("PUT", "/v1/blobs?epochs=4000000000&reuse_resources=true", strings.NewReader(fmt.Sprintf("%-1000s", "storage"))); reason(got) != "400 INVALID_ARGUMENT INVALID_EPOCHS" {
		t.Errorf("too many epochs: %d, %s", answer.StatusCode, got)
	}
}

// fees is more than the fees of a few transactions are.
const fees = 100_000

func mustHasher(t *testing.T) *commit.Hasher {
	t.Helper()
	h, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestReuseAtOnce has many writers reuse what there is for some of them: nothing is used twice, and
// nothing is paid twice.
func TestReuseAtOnce(t *testing.T) {
	w := startTown(t)
	encoded, err := w.clients[0].Code().Params().EncodedLength(1000)
	if err != nil {
		t.Fatal(err)
	}
	const storages, writers = 2, 4
	for range storages {
		w.do(ledger.ReserveSpace{Size: encoded, Start: 1, End: 5})
	}
	short := fmt.Sprintf("%-1000s", "a blob that ends too early")
	w.put("epochs=1", short)
	before := w.balance()
	var all sync.WaitGroup
	answers := make([]answered, 2*writers)
	put := func(i int, query, blob string) {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), "PUT", w.url+"/v1/blobs?"+query, strings.NewReader(blob))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err := errors.Join(err, answers[i].read(answer, string(text))); err != nil {
				t.Errorf("PUT %s: %v", query, err)
			}
		})
	}
	for i := range writers {
		put(i, "epochs=2&reuse_resources=true", fmt.Sprintf("%-1000d", i))
		put(writers+i, "epochs=3&reuse_resources=true", short)
	}
	all.Wait()
	count := make(map[string]int)
	cost := uint64(0)
	for _, a := range answers {
		if a.NewlyCreated == nil {
			count["alreadyCertified"]++
			continue
		}
		for name := range a.NewlyCreated.ResourceOperation {
			count[name]++
		}
		cost += a.NewlyCreated.Cost
	}
	units := unitsOf(encoded)
	want := units * (storages*nodetest.WritePrice + (writers-storages)*(nodetest.WritePrice+2*nodetest.StoragePrice) + 2*nodetest.StoragePrice)
	if paid := before - w.balance(); count["reuseStorage"] != storages || count["registerFromScratch"] != writers-storages || paid < want || paid > want+fees {
		t.Errorf("%v for %d, want %d of storage, %d from scratch, and %d paid", count, paid, storages, writers-storages, want)
	}
	id, err := w.clients[0].Code().ID([]byte(short))
	if err != nil {
		t.Fatal(err)
	}
	if all := chain.BlobOf(w.Ledger.State(), id).Registrations; len(all) != 1 || all[0].Storage.End != 4 {
		t.Errorf("extended by %d: %+v, want one registration until epoch 4", writers, all)
	}
	// Nobody else's storage is used.
	stranger := identity.GenerateKey()
	w.do(ledger.Transfer{To: ledger.Address(stranger.TLSPublic()), Amount: 1 << 20})
	w.do(ledger.ReserveSpace{Size: encoded, Start: 1, End: 5})
	other, _ := w.gateway(t, stranger)
	if a := other.put("epochs=2&reuse_resources=true", fmt.Sprintf("%-1000s", "a stranger's")); a.NewlyCreated == nil || a.NewlyCreated.ResourceOperation["registerFromScratch"] == nil {
		t.Errorf("a stranger: %+v, want it from scratch", a)
	}
}
