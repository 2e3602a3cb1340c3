package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// An upload relay encodes and sends blobs for clients that have registered them
// themselves, and gives them the certificate. This one takes no tip for it.

// attestation is what the nodes are to sign for the owner of a blob.
func attestation(id commit.BlobID, object *ObjectID) committee.Attestation {
	if object == nil {
		return committee.Attestation{Kind: committee.WalrusPermanent, Blob: id}
	}
	return committee.Attestation{Kind: committee.WalrusDeletable, Blob: id, Object: committee.ObjectID(*object)}
}

// errOtherBlob is the error of a body whose id is not the one that is named.
func errOtherBlob(got commit.BlobID) error {
	return refuse("BLOB_ID_MISMATCH", fmt.Sprintf("the body is the blob %v, and not the one that blob_id names", got))
}

// relayed is a write of a blob that somebody else has registered, and has certified.
type relayed struct {
	ledger chain.Ledger
	id     commit.BlobID
	object *ObjectID
}

// register finds the registration.
func (o *relayed) register(ctx context.Context, id commit.BlobID, _ *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	if id != o.id {
		return nil, errOtherBlob(id)
	}
	ok, err := o.registered(ctx)
	if err != nil {
		return nil, onLedger(err)
	}
	if ok {
		named(attestation(id, o.object))
		return func(context.Context, *committee.Certificate) error { return nil }, nil
	}
	return nil, &walrusapi.Error{Code: http.StatusBadRequest, Status: "FAILED_PRECONDITION", Reason: "NOT_REGISTERED", Domain: domain,
		Message: "nobody has registered the blob so: a deletable one is named by deletable_blob_object"}
}

// registered reports whether there is such a registration.
func (o *relayed) registered(ctx context.Context) (bool, error) {
	if o.object == nil {
		b, err := o.ledger.Blob(ctx, o.id)
		return b.Permanent > 0, err
	}
	var b ledger.Blob
	_, ok, err := chain.Value(ctx, o.ledger, ledger.BlobKey(ledger.ObjectID(*o.object)), &b)
	return ok && b.ID == o.id && b.Deletable, err
}

func (s *ledgerStore) Relay(ctx context.Context, src io.ReaderAt, size int64, id commit.BlobID, object *ObjectID) (*Certificate, error) {
	o := &relayed{s.account.Ledger(), id, object}
	receipt, err := s.StoreFrom(context.WithValue(ctx, orderKey{}, registrar(o)), src, size)
	if err != nil {
		return nil, err
	}
	return certificateOf(s.Committee(), receipt.Certificate), nil
}

// relay serves what clients of an upload relay ask for.
type relay struct{ *writer }

func (d relay) getTip(w http.ResponseWriter, r *http.Request) error {
	walrusapi.JSON(w, http.StatusOK, "no_tip")
	return nil
}

func (d relay) post(w http.ResponseWriter, r *http.Request) error {
	q := parseQuery(r)
	text, ok := q.take("blob_id")
	if !ok {
		q.fail("blob_id is needed")
	}
	id, err := commit.ParseBlobID(text)
	if err != nil {
		q.fail("blob_id: %v", err)
	}
	var object *ObjectID
	if text, ok := q.take("deletable_blob_object"); ok {
		o, err := ParseObjectID(text)
		if err != nil {
			q.fail("deletable_blob_object: %v", err)
		}
		object = &o
	}
	if encoding, ok := q.take("encoding_type"); ok && encoding != "RS2" {
		q.fail("encoding_type is %q, want RS2", encoding)
	}
	q.take("nonce") // of a payment, which nobody asks for
	q.take("tx_id")
	if err := q.end(); err != nil {
		return err
	}
	token, err := d.pass(r)
	if err != nil {
		return err
	}
	defer token.giveBack()
	b, err := d.bodies.receive(w, r, d.options.MaxBlob)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := token.spend(int(b.size)); err != nil {
		return err
	}
	done, err := d.turn(r.Context())
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(r.Context(), d.options.patience(b.size))
	defer cancel()
	cert, err := d.store.Relay(ctx, b.readerAt(), b.size, id, object)
	if err != nil {
		return confirmationError(err)
	}
	bytes := make([]int, len(id))
	for i, b := range id {
		bytes[i] = int(b)
	}
	walrusapi.JSON(w, http.StatusOK, map[string]any{"blob_id": bytes, "confirmation_certificate": cert})
	return nil
}
