package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Certificate is the point of availability of a blob in Walrus's words, as clients make it
// of nodes' confirmations, or have it made by an upload relay; or it says that there is no such blob,
// as clients make it of nodes' answers to a proof. It is not verified.
type Certificate struct {
	Signers   []int // numbers of the members of the committee
	Message   []byte
	Signature committee.Signature
}

// certificateText is a certificate in JSON.
type certificateText struct {
	Signers   []int  `json:"signers"`
	Message   []int  `json:"serialized_message"` // bytes
	Signature []byte `json:"signature"`
}

// MarshalJSON writes the form that clients of an upload relay read.
func (c *Certificate) MarshalJSON() ([]byte, error) {
	t := certificateText{Signers: c.Signers, Signature: c.Signature[:], Message: make([]int, len(c.Message))}
	for i, b := range c.Message {
		t.Message[i] = int(b)
	}
	return json.Marshal(t)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Certificate) UnmarshalJSON(data []byte) error {
	var t certificateText
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	if len(t.Signature) != len(c.Signature) {
		return fmt.Errorf("a signature of %d bytes, want %d", len(t.Signature), len(c.Signature))
	}
	c.Signers, c.Signature, c.Message = t.Signers, committee.Signature(t.Signature), make([]byte, len(t.Message))
	for i, v := range t.Message {
		if v < 0 || v > 0xff {
			return fmt.Errorf("%d is no byte of a message", v)
		}
		c.Message[i] = byte(v)
	}
	return nil
}

// certificateOf returns a certificate for clients.
func certificateOf(c *committee.Committee, cert *committee.Certificate) *Certificate {
	out := &Certificate{Message: cert.WalrusMessage(cert.Epoch), Signature: cert.Signature()}
	for i := range c.Len() {
		if cert.Signed(i) {
			out.Signers = append(out.Signers, i)
		}
	}
	return out
}

// verify returns the certificate of the blob, verified against the committee of the
// present.
func (c *Certificate) verify(of *committee.Committee, id commit.BlobID) (*committee.Certificate, error) {
	cert, err := committee.WalrusCertificate(of, c.Message, c.Signers, c.Signature)
	if err == nil && !cert.Stores(id) && !cert.Invalidates(id) {
		err = errors.New("it is of another blob")
	}
	if err == nil {
		err = committee.Verify(of, cert)
	}
	if err != nil {
		return nil, refuse("INVALID_CERTIFICATE", "the certificate does not hold: "+err.Error())
	}
	return cert, nil
}

// maxCertificate bounds the bytes of a certificate in JSON: a committee may have as many
// members as there are shards.
const maxCertificate = 64 << 10

// certifier takes certificates.
type certifier struct{ *writer }

func (d certifier) put(w http.ResponseWriter, r *http.Request, text string) error {
	id, err := parseBlobID(text)
	if err != nil {
		return err
	}
	q := parseQuery(r)
	var object *ObjectID
	if text, ok := q.take("object"); ok {
		o, err := ParseObjectID(text)
		if err != nil {
			q.fail("object: %v", err)
		}
		object = &o
	}
	if err := q.end(); err != nil {
		return err
	}
	token, err := d.pass(r)
	if err != nil {
		return err
	}
	defer token.giveBack()
	data, free, err := d.bodies.all(w, r, maxCertificate)
	if err != nil {
		return err
	}
	defer free()
	var c Certificate
	if err := json.Unmarshal(data, &c); err != nil {
		return malformed("the body is no certificate: " + err.Error())
	}
	done, err := d.turn(r.Context())
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(r.Context(), d.options.Timeout)
	defer cancel()
	if err := d.store.Certify(ctx, id, object, &c); err != nil {
		return confirmationError(err)
	}
	if err := token.spend(0); err != nil {
		return err
	}
	walrusapi.JSON(w, http.StatusOK, map[string]any{"blobId": id})
	return nil
}

// confirmationError tells of nodes that have not confirmed in time, and of a blob that is marked
// as invalid, of which Walrus answers 500.
func confirmationError(err error) error {
	if errors.Is(err, client.ErrInconsistent) {
		return &walrusapi.Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "INTERNAL_ERROR", Domain: domain, Message: "the blob is marked as invalid"}
	}
	if errors.Is(err, client.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return &walrusapi.Error{Code: http.StatusGatewayTimeout, Status: "DEADLINE_EXCEEDED", Reason: "INSUFFICIENT_CONFIRMATIONS", Domain: domain, Message: "too few nodes confirmed in time that they have stored the blob"}
	}
	return err
}
