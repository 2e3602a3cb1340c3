package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// attestations are what nodes answer to a proof, by their numbers in the committee.
type attestations map[int]committee.Signature

// prove gives nodes the proof that there is no blob.
func prove(t *testing.T, faces []*shown, b *blob, target rs2d.SliverRef) attestations {
	t.Helper()
	signed := make(attestations)
	for _, s := range faces {
		answer, text := s.ask("POST", "/v1/blobs/"+b.id.String()+"/inconsistencyProof/secondary", faces[0].proof(b, target, 4))
		var got struct {
			Success struct {
				Data struct{ Signature []byte }
			}
		}
		if err := json.Unmarshal(text, &got); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(brief(answer, text))
		}
		member, ok := s.node.Control.View().Current.FindID(s.node.ID())
		if !ok {
			t.Fatal("the node is no member")
		}
		signed[member] = committee.Signature(got.Success.Data.Signature)
	}
	return signed
}

// certificate returns what a client makes of attestations, in JSON.
func (a attestations) certificate(t *testing.T, c *committee.Committee, id commit.BlobID) []byte {
	t.Helper()
	what := committee.Attestation{Kind: committee.WalrusInvalid, Blob: id}
	made := daemon.Certificate{Message: what.WalrusMessage(c.Epoch())}
	for member, signature := range a {
		made.Signers, made.Signature = append(made.Signers, member), signature
	}
	if len(a) > 1 {
		cert, err := c.Certify(what, a)
		if err != nil {
			t.Fatal(err)
		}
		made.Signature = cert.Signature()
	}
	text, err := json.Marshal(&made)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// call makes a request to a gateway, and returns the answer with its text.
func call(t *testing.T, method, url string, body []byte) (int, string) {
	t.Helper()
	answer, text := (&shown{t: t}).ask(method, url, body)
	return answer.StatusCode, string(text)
}

// serveGateway serves a gateway before a store, and returns its URL.
func serveGateway(t *testing.T, store daemon.Store, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(store, daemon.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(d)
	t.Cleanup(gateway.Close)
	return gateway.URL
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() (bool, string)) {
	t.Helper()
	saw := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		ok := false
		if ok, saw = holds(); ok {
			return
		}
	}
	t.Fatalf("%s: for a minute it is %s", what, saw)
}

// TestInvalidCertificate: a client of Walrus's proves to nodes that there is no blob of an id, and
// makes a certificate of what they sign. A gateway takes it, and all nodes say so from then on.
func TestInvalidCertificate(t *testing.T) {
	t.Run("ledger", func(t *testing.T) {
		town, key := nodetest.StartOnLedger(t, commit.Walrus, 4, 10)
		l := chain.Local(town.Ledger)
		views, err := follow.OpenViews(t.Context(), l, &town.Genesis)
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(views, key, client.Options{Registrar: daemon.Orders{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		payer := account.New(l, key.Account())
		before, err := daemon.ForLedger(c, payer, views.Refresh)
		gateway := serveGateway(t, before, err)
		var faces []*shown
		for _, one := range town.Nodes {
			faces = append(faces, show(t, one, l, nil))
		}
		b, target := faces[0].crooked("a blob that somebody has encoded wrongly")
		hasher, err := commit.NewHasher(commit.Walrus, "")
		if err != nil {
			t.Fatal(err)
		}
		root, err := b.meta.Root(hasher)
		if err != nil {
			t.Fatal(err)
		}
		register := ledger.ReserveAndRegister{Epochs: 3, ID: b.id, Root: root, Length: b.meta.Length, Encoding: ledger.EncodingRS2}
		if _, err := payer.Do(t.Context(), register); err != nil {
			t.Fatal(err)
		}
		testInvalid(t, faces, gateway, b, target, "400 FAILED_PRECONDITION NOT_REGISTERED")
		if state, err := l.Blob(t.Context(), b.id); err != nil || !state.Invalid {
			t.Errorf("the ledger has %+v (%v), want it invalid", state, err)
		}

		// Nobody pays for saying so of what nobody has registered.
		b, target = faces[0].crooked("a blob that nobody has registered")
		for _, s := range faces[:2] {
			if err := s.node.Store.Apply(b.id, store.Update{Records: map[store.Record][]byte{store.Metadata: b.raw}}); err != nil {
				t.Fatal(err)
			}
		}
		cert := prove(t, faces[:2], b, target).certificate(t, town.Nodes[0].Control.View().Current, b.id)
		if code, text := call(t, "PUT", gateway+"/v1/blobs/"+b.id.String()+"/certificate", cert); code != 400 || !strings.Contains(text, "NOT_REGISTERED") {
			t.Errorf("of what nobody has registered: %d, %s", code, text)
		}
	})
	t.Run("fixed", func(t *testing.T) {
		nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10)
		c, err := client.New(nodes.Control, writer, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		gateway := serveGateway(t, daemon.ForCluster(c), nil)
		var faces []*shown
		for _, one := range nodes.Nodes {
			faces = append(faces, show(t, one, nil, nil))
		}
		b, target := faces[0].crooked("a blob that somebody has encoded wrongly")
		testInvalid(t, faces, gateway, b, target, "400 FAILED_PRECONDITION INVALID_BLOB")
	})
}

// testInvalid has a blob marked as invalid: a certificate of too few does not, and one of f+1 shards
// does. refused is why metadata of it is not taken any more.
func testInvalid(t *testing.T, faces []*shown, gateway string, b *blob, target rs2d.SliverRef, refused string) {
	at, auth := "/v1/blobs/"+b.id.String(), "Authorization: Bearer "+token
	for _, s := range faces {
		if answer, text := s.ask("PUT", at+"/metadata", b.raw, auth); answer.StatusCode != 201 {
			t.Fatal(brief(answer, text))
		}
	}
	c := faces[0].node.Control.View().Current
	few := prove(t, faces[:1], b, target)
	if code, text := call(t, "PUT", gateway+at+"/certificate", few.certificate(t, c, b.id)); code != 400 || !strings.Contains(text, "INVALID_CERTIFICATE") {
		t.Errorf("of one node: %d, %s", code, text)
	}
	enough := prove(t, faces[:2], b, target).certificate(t, c, b.id)
	if code, text := call(t, "PUT", gateway+"/v1/blobs/"+commit.BlobID{1}.String()+"/certificate", enough); code != 400 || !strings.Contains(text, "INVALID_CERTIFICATE") {
		t.Errorf("of another blob: %d, %s", code, text)
	}
	for range 2 { // once more does no harm
		if code, text := call(t, "PUT", gateway+at+"/certificate", enough); code != 200 || text != fmt.Sprintf(`{"blobId":"%v"}`, b.id) {
			t.Fatalf("%d, %s", code, text)
		}
	}
	for i, s := range faces {
		eventually(t, fmt.Sprintf("node %d's status", i), func() (bool, string) {
			_, text := s.ask("GET", at+"/status", nil)
			return string(text) == `{"success":{"code":200,"data":{"invalid":{"event":{"txDigest":"`+walrusapi.EventOf(b.id).Digest+`","eventSeq":"0"}}}}}`, string(text)
		})
		eventually(t, fmt.Sprintf("node %d's store", i), func() (bool, string) {
			info, err := s.node.Store.Info(b.id)
			return err == nil && info.Has(store.InvalidBlobCertificate), fmt.Sprintf("%+v (%v)", info, err)
		})
		eventually(t, fmt.Sprintf("metadata to node %d", i), func() (bool, string) {
			got := brief(s.ask("PUT", at+"/metadata", b.raw, auth))
			return got == refused, got
		})
		if got := brief(s.ask("GET", at+"/confirmation/permanent", nil)); got != "400 FAILED_PRECONDITION NOT_REGISTERED" {
			t.Errorf("node %d confirms it: %s", i, got)
		}
	}
	if code, text := call(t, "GET", gateway+at, nil); code != 404 || !strings.Contains(text, "BLOB_NOT_FOUND") {
		t.Errorf("read: %d, %s", code, text)
	}
}
