package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// town is the API before nodes on a ledger.
type town struct {
	*served
	*nodetest.Town
	account *account.Account
	views   *follow.Views
	clients []*client.Client
	fronts  []*front
	stores  []Store
}

func startTown(t *testing.T) *town {
	t.Helper()
	w, writer := nodetest.StartOnLedger(t, commit.Walrus, 4, 10)
	town := &town{Town: w}
	town.served, town.account = town.gateway(t, writer)
	return town
}

// gateway returns another gateway, whose account is that of the key.
func (w *town) gateway(t *testing.T, key *identity.Key) (*served, *account.Account) {
	t.Helper()
	l := chain.Local(w.Ledger)
	views, err := follow.OpenViews(t.Context(), l, &w.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	w.views = views
	c, err := client.New(views, key, client.Options{Registrar: Orders{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w.clients = append(w.clients, c)
	a := account.New(l, key.Account())
	store, err := ForLedger(c, a, views.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(store, Options{MaxShort: maxShort})
	if err != nil {
		t.Fatal(err)
	}
	w.fronts, w.stores = append(w.fronts, d.front), append(w.stores, store)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return &served{t: t, url: server.URL}, a
}

// answered is an answer of a store.
type answered struct {
	NewlyCreated *struct {
		BlobObject struct {
			ID              string
			BlobID          string
			Size            uint64
			RegisteredEpoch uint32
			CertifiedEpoch  uint32
			Deletable       bool
			Storage         struct {
				ID                   string
				StartEpoch, EndEpoch uint32
				StorageSize          uint64
			}
		}
		SharedBlobObject  string
		ResourceOperation map[string]map[string]uint64
		Cost              uint64
	}
	AlreadyCertified *struct {
		BlobID, Object string
		Event          *walrusapi.Event
		EndEpoch       uint32
	}
}

// put stores a blob, with a query.
func (s *served) put(query, blob string) (a answered) {
	s.t.Helper()
	answer, text := s.ask("PUT", "/v1/blobs?"+query, strings.NewReader(blob))
	if err := a.read(answer, text); err != nil {
		s.t.Fatalf("PUT %s: %v", query, err)
	}
	return a
}

// read reads an answer.
func (a *answered) read(answer *http.Response, text string) error {
	err := json.Unmarshal([]byte(text), a)
	if err != nil || answer.StatusCode != 200 || (a.NewlyCreated == nil) == (a.AlreadyCertified == nil) {
		return fmt.Errorf("%d, %s (%v)", answer.StatusCode, text, err)
	}
	return nil
}

// record returns what the ledger has of an object.
func (w *town) record(id string) *ledger.Blob {
	object, err := ParseObjectID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return ledger.Get[ledger.Blob](w.Ledger.State(), ledger.BlobKey(ledger.ObjectID(object)))
}

func (w *town) balance() uint64 {
	state, err := w.account.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return state.Balance
}

// TestLedgerRecords stores blobs on a ledger: what the answers say is what the ledger has.
func TestLedgerRecords(t *testing.T) {
	w := startTown(t)
	blob := strings.Repeat(text, 10_000)
	encoded, err := w.clients[0].Code().Params().EncodedLength(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	units := (encoded + unitSize - 1) / unitSize
	before := w.balance()
	first := w.put("epochs=3", blob).NewlyCreated
	if first == nil {
		t.Fatal("a new blob is not newly created")
	}
	o := first.BlobObject
	if want := units * (nodetest.WritePrice + 3*nodetest.StoragePrice); first.Cost != want || before-w.balance() < want {
		t.Errorf("cost %d, want %d; paid with fees %d", first.Cost, want, before-w.balance())
	}
	if got := first.ResourceOperation["registerFromScratch"]; got["encodedLength"] != encoded || got["epochsAhead"] != 3 {
		t.Errorf("operation %+v, want %d bytes for 3 epochs", first.ResourceOperation, encoded)
	}
	check := func(name, id string, deletable bool, end uint32) {
		t.Helper()
		b := w.record(id)
		if b == nil {
			t.Fatalf("%s: the ledger has no object %s", name, id)
		}
		if b.Deletable != deletable || b.Storage.End != end || b.Certified == nil || b.ID.String() != o.BlobID {
			t.Errorf("%s: the ledger has %+v, want deletable %t, end %d, certified", name, b, deletable, end)
		}
	}
	check("first", o.ID, true, 4)
	if b := w.record(o.ID); o.RegisteredEpoch != b.Registered || o.CertifiedEpoch != *b.Certified || o.Storage.StartEpoch != b.Storage.Start ||
		o.Storage.EndEpoch != b.Storage.End || o.Storage.StorageSize != b.Storage.Size || !o.Deletable || o.Size != uint64(len(blob)) {
		t.Errorf("answer %+v, and the ledger has %+v", o, b)
	}

	permanent := make(map[uint32]ObjectID) // by their ends
	for _, c := range []struct {
		name, query string
		created     bool
		permanent   bool
		end         uint32
	}{
		{"shorter", "epochs=2", false, false, 4},
		{"longer", "epochs=5", true, false, 6},
		{"permanent, of which there is none", "epochs=2&permanent=true", true, true, 3},
		{"permanent again", "epochs=1&permanent=true", false, true, 3},
		{"forced", "epochs=2&permanent=true&force=true", true, true, 3},
	} {
		a := w.put(c.query, blob)
		switch {
		case (a.NewlyCreated != nil) != c.created:
			t.Errorf("%s: %+v, want newly created %t", c.name, a, c.created)
		case c.created:
			if a.NewlyCreated.BlobObject.ID == o.ID {
				t.Errorf("%s: the first object again", c.name)
			}
			check(c.name, a.NewlyCreated.BlobObject.ID, !c.permanent, c.end)
			if _, again := permanent[c.end]; c.permanent && !again {
				object, err := ParseObjectID(a.NewlyCreated.BlobObject.ID)
				if err != nil {
					t.Fatal(err)
				}
				permanent[c.end] = object
			}
		case c.permanent:
			if got := a.AlreadyCertified; got.Object != "" || got.Event == nil || *got.Event != walrusapi.EventOf(permanent[c.end]) || got.EndEpoch != c.end {
				t.Errorf("%s: %+v, want the event of %v, end %d", c.name, got, permanent[c.end], c.end)
			}
		default:
			check(c.name, a.AlreadyCertified.Object, !c.permanent, c.end)
			if a.AlreadyCertified.EndEpoch != c.end {
				t.Errorf("%s: end %d, want %d", c.name, a.AlreadyCertified.EndEpoch, c.end)
			}
		}
	}

	// Attributes of the object become headers.
	id, err := ParseObjectID(o.ID)
	if err != nil {
		t.Fatal(err)
	}
	set := ledger.SetAttributes{Blob: ledger.ObjectID(id), Attributes: []ledger.Attribute{{Name: "content-type", Value: "text/x"}, {Name: "x-y", Value: "z"}}}
	if _, err := w.account.Do(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	answer, got := w.ask("GET", "/v1/blobs/by-object-id/"+o.ID, nil)
	if answer.StatusCode != 200 || got != blob || answer.Header.Get("Content-Type") != "text/x" || answer.Header.Get("X-Y") != "" || answer.Header.Get("ETag") != o.BlobID {
		t.Errorf("by object: %d, %d bytes, %v", answer.StatusCode, len(got), answer.Header)
	}
	if answer, got := w.ask("GET", "/v1/blobs/by-object-id/0x1", nil); reason(got) != "404 NOT_FOUND BLOB_NOT_FOUND" {
		t.Errorf("no object: %d, %s", answer.StatusCode, got)
	}
	if answer, got := w.ask("PUT", "/v1/blobs?epochs=4000000000", strings.NewReader("x")); reason(got) != "400 INVALID_ARGUMENT INVALID_EPOCHS" {
		t.Errorf("too many epochs: %d, %s", answer.StatusCode, got)
	}

	// What is shared is nobody's.
	shared := w.put("permanent=true&share=true&epochs=2", "a blob for everybody").NewlyCreated
	if b := w.record(shared.BlobObject.ID); b == nil || !b.Shared || shared.SharedBlobObject != shared.BlobObject.ID {
		t.Errorf("shared as %q: the ledger has %+v", shared.SharedBlobObject, b)
	}
	if first.SharedBlobObject != "" {
		t.Errorf("a blob that is not shared is, as %s", first.SharedBlobObject)
	}

	// Others own what is sent to them.
	owner := identity.GenerateKey()
	address := ledger.Address(owner.TLSPublic())
	sent := w.put("permanent=true&send_object_to="+ObjectID(address).String(), "a blob for somebody else").NewlyCreated
	if b := w.record(sent.BlobObject.ID); b == nil || b.Owner != address {
		t.Errorf("sent to %v: the ledger has %+v", address, b)
	}
	// Somebody else's deletable blob may go at any time, and a permanent one does not.
	rich := ledger.Transfer{To: address, Amount: 1 << 20}
	if _, err := w.account.Do(t.Context(), rich); err != nil {
		t.Fatal(err)
	}
	other, _ := w.gateway(t, owner)
	if a := other.put("epochs=5", blob); a.NewlyCreated == nil {
		t.Error("another account relies on what it cannot keep")
	}
	if a := other.put("epochs=1", blob); a.AlreadyCertified == nil {
		t.Error("another account pays for what is there for as long")
	}

	// The end of the epochs.
	w.Pass(1)
	w.put("epochs=1&permanent=true", "wakes the ledger")
	for range 5 {
		w.Pass(1)
		if _, err := w.account.Do(t.Context(), ledger.Transfer{To: ledger.Address{1}, Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.views.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer, got := other.ask("GET", "/v1/blobs/by-object-id/"+o.ID, nil); reason(got) != "404 NOT_FOUND BLOB_NOT_FOUND" {
		t.Errorf("after its end: %d, %s", answer.StatusCode, fmt.Sprintf("%.200s", got))
	}
}

// TestLedgerResumes: a registration that was paid for and not used is taken up.
func TestLedgerResumes(t *testing.T) {
	w := startTown(t)
	blob := "a blob whose writer went away"
	id := w.register(blob, 4, false)
	objects := chain.BlobOf(w.Ledger.State(), id).Registrations
	got := w.put("epochs=3", blob).NewlyCreated
	if got == nil || got.Cost != 0 || len(objects) != 1 || got.BlobObject.ID != ObjectID(objects[0].Object).String() || got.BlobObject.Storage.EndEpoch != 5 {
		t.Fatalf("answer %+v, want the registration %+v", got, objects)
	}
	if op, ok := got.ResourceOperation["reuseRegistration"]; !ok || op["encodedLength"] == 0 {
		t.Errorf("operation %+v, want reuseRegistration", got.ResourceOperation)
	}
}
