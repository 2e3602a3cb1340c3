package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
)

// relayAnswer is an upload relay's answer.
type relayAnswer struct {
	BlobID      []int           `json:"blob_id"`
	Certificate json.RawMessage `json:"confirmation_certificate"`
}

// relay has a blob relayed, and returns the certificate in JSON.
func (s *served) relay(query, blob string) (json.RawMessage, *Certificate) {
	s.t.Helper()
	answer, text := s.ask("POST", "/v1/blob-upload-relay?"+query, strings.NewReader(blob))
	var got relayAnswer
	var c Certificate
	if err := json.Unmarshal([]byte(text), &got); err != nil || answer.StatusCode != 200 || len(got.BlobID) != 32 {
		s.t.Fatalf("%d, %s (%v)", answer.StatusCode, text, err)
	}
	if err := json.Unmarshal(got.Certificate, &c); err != nil {
		s.t.Fatal(err)
	}
	return got.Certificate, &c
}

// TestRelayRequests has requests that are wrong.
func TestRelayRequests(t *testing.T) {
	s := serve(t, Options{MaxBlob: 100})
	id, err := s.store.code.ID([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	at, other := "/v1/blob-upload-relay?blob_id="+id.String(), commit.BlobID{1}.String()
	certificate := `{"signers": [0, 2], "serialized_message": [1, 0, 255], "signature": "` + strings.Repeat("A", 128) + `"}`
	stored, err := s.store.Put(t.Context(), []byte("another blob"), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	certify := "/v1/blobs/" + stored.Blob.String() + "/certificate"
	for _, c := range []struct {
		name, method, path, body string
		code                     int
		want                     string // the reason, or part of the text
	}{
		{"tip", "GET", "/v1/tip-config", "", 200, `"no_tip"`},
		{"no id", "POST", "/v1/blob-upload-relay", text, 400, "blob_id is needed"},
		{"a bad id", "POST", "/v1/blob-upload-relay?blob_id=x", text, 400, "blob_id"},
		{"a bad object", "POST", at + "&deletable_blob_object=y", text, 400, "deletable_blob_object"},
		{"an encoding", "POST", at + "&encoding_type=X", text, 400, "want RS2"},
		{"unknown key", "POST", at + "&x=1", text, 400, "unknown key"},
		{"too long", "POST", at, strings.Repeat("x", 101), 413, "longer"},
		{"another blob", "POST", "/v1/blob-upload-relay?blob_id=" + other, text, 400, "400 INVALID_ARGUMENT BLOB_ID_MISMATCH"},
		{"as with a tip", "POST", at + "&nonce=abc&tx_id=def&encoding_type=RS2", text, 200, `"signers":[0,2]`},
		{"certificate", "PUT", certify, certificate, 200, `"blobId":"` + stored.Blob.String()},
		{"of another blob", "PUT", "/v1/blobs/" + other + "/certificate", certificate, 404, "404 NOT_FOUND BLOB_NOT_FOUND"},
		{"no id", "PUT", "/v1/blobs/x/certificate", certificate, 400, ""},
		{"no certificate", "PUT", certify, "{", 400, "no certificate"},
		{"a short signature", "PUT", certify, `{"signature": "AAAA"}`, 400, "signature of 3 bytes"},
		{"no bytes", "PUT", certify, strings.Replace(certificate, "255", "256", 1), 400, "no byte"},
		{"a bad object", "PUT", certify + "?object=y", certificate, 400, "object"},
		{"endless", "PUT", certify, strings.Repeat(" ", maxCertificate+1), 413, ""},
	} {
		answer, got := s.ask(c.method, c.path, strings.NewReader(c.body))
		if answer.StatusCode != c.code || !strings.Contains(got+reason(got), c.want) {
			t.Errorf("%s: %d, %s; want %d, %s", c.name, answer.StatusCode, got, c.code, c.want)
		}
	}
	if guarded := serve(t, Options{Auth: &Auth{Secret: []byte("x")}}); true {
		for _, c := range []struct{ method, path string }{{"POST", at}, {"PUT", certify}} {
			if answer, got := guarded.ask(c.method, c.path, strings.NewReader(text)); answer.StatusCode != 400 || !strings.Contains(got, "Bearer") {
				t.Errorf("%s without a token: %d, %s", c.method, answer.StatusCode, got)
			}
		}
	}
	if reading := serve(t, Options{NoWrites: true}); true {
		if answer, _ := reading.ask("POST", at, io.NopCloser(strings.NewReader(text))); answer.StatusCode != 404 {
			t.Errorf("an aggregator relays: %d", answer.StatusCode)
		}
	}
}

// TestRelayOnLedger relays blobs whose owner registers them, and gives the certificate to
// the ledger.
func TestRelayOnLedger(t *testing.T) {
	w := startTown(t)
	c := w.clients[0]
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, permanent := range []bool{true, false} {
		blob := strings.Repeat("relayed ", 1000) + map[bool]string{true: "for good"}[permanent]
		e, err := c.Code().Encode([]byte(blob))
		if err != nil {
			t.Fatal(err)
		}
		id := e.ID()
		query := "blob_id=" + id.String()
		if answer, got := w.ask("POST", "/v1/blob-upload-relay?"+query, strings.NewReader(blob)); reason(got) != "400 FAILED_PRECONDITION NOT_REGISTERED" {
			t.Errorf("not registered: %d, %s", answer.StatusCode, got)
		}
		r := account.Registrar{Account: w.account, Epochs: 2, Permanent: permanent, Hasher: hasher}
		if _, err := r.Register(t.Context(), id, e.Metadata(), func(committee.Attestation) {}); err != nil {
			t.Fatal(err)
		}
		l := w.account.Ledger()
		b, err := l.Blob(t.Context(), id)
		if err != nil || len(b.Registrations) != 1 {
			t.Fatalf("%+v (%v)", b, err)
		}
		object := ObjectID(b.Registrations[0].Object).String()
		if !permanent {
			query += "&deletable_blob_object=" + object
		}
		raw, cert := w.relay(query, blob)
		made, err := committee.WalrusCertificate(c.Committee(), cert.Message, cert.Signers, cert.Signature)
		if err == nil {
			err = committee.Verify(c.Committee(), made)
		}
		if err != nil {
			t.Fatal(err)
		}
		if w.record(object).Certified != nil {
			t.Error("certified before its owner says so")
		}
		at := "/v1/blobs/" + id.String() + "/certificate"
		other := *cert
		other.Signers = slices.Clone(cert.Signers)
		for other.Signers[0] = 0; slices.Contains(cert.Signers, other.Signers[0]); other.Signers[0]++ {
		}
		wrong, err := json.Marshal(&other)
		if err != nil {
			t.Fatal(err)
		}
		if answer, got := w.ask("PUT", at+"?object="+object, bytes.NewReader(wrong)); reason(got) != "400 INVALID_ARGUMENT INVALID_CERTIFICATE" {
			t.Errorf("other signers: %d, %s", answer.StatusCode, got)
		}
		if permanent {
			if answer, _ := w.ask("PUT", at, bytes.NewReader(raw)); answer.StatusCode != 400 {
				t.Errorf("of no object: %d", answer.StatusCode)
			}
		}
		for range 2 { // once more does no harm
			if answer, got := w.ask("PUT", at+"?object="+object, bytes.NewReader(raw)); answer.StatusCode != 200 {
				t.Fatalf("%d, %s", answer.StatusCode, got)
			}
		}
		if w.record(object).Certified == nil {
			t.Error("not certified")
		}
		if answer, got := w.ask("GET", "/v1/blobs/by-object-id/"+object, nil); answer.StatusCode != 200 || got != blob {
			t.Errorf("read: %d", answer.StatusCode)
		}
	}
}

// TestRelayWithoutLedger publishes a certificate that a client has made.
func TestRelayWithoutLedger(t *testing.T) {
	s, c := startCluster(t)
	blob := strings.Repeat("relayed ", 1000)
	id, err := c.Code().ID([]byte(blob))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := s.relay("blob_id="+id.String(), blob)
	if answer, got := s.ask("PUT", "/v1/blobs/"+id.String()+"/certificate", bytes.NewReader(raw)); answer.StatusCode != 200 {
		t.Errorf("%d, %s", answer.StatusCode, got)
	}
	if answer, got := s.ask("PUT", "/v1/blobs/"+commit.BlobID{1}.String()+"/certificate", bytes.NewReader(raw)); reason(got) != "400 INVALID_ARGUMENT INVALID_CERTIFICATE" {
		t.Errorf("of another blob: %d, %s", answer.StatusCode, got)
	}
	for _, status := range c.Status(t.Context(), id) {
		if status.Err != nil || !status.Status.Certified {
			t.Errorf("%s: certified %t (%v)", status.Name, status.Status.Certified, status.Err)
		}
	}
	if err := client.Publish(t.Context(), c, &committee.Certificate{}); err == nil {
		t.Error("nothing is published")
	}
}
