package node_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/peer"
)

// named is what nodes attest of a deletable registration.
func named(id commit.BlobID, object ledger.ObjectID) committee.Attestation {
	return committee.Attestation{Kind: committee.StoredDeletable, Blob: id, Object: committee.ObjectID(object)}
}

// show gives the ledger a certificate.
func (w *town) show(ctx context.Context, object ledger.ObjectID, cert *committee.Certificate) error {
	w.t.Helper()
	data, err := cert.MarshalBinary()
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = account.New(&w.reach, w.writer.Account()).Do(ctx, ledger.CertifyBlob{Blob: object, Certificate: data})
	return err
}

// refuse fails unless no node attests something, and says why.
func refuse(t *testing.T, cl *client.Client, name string, a committee.Attestation, says string) {
	t.Helper()
	var all sync.WaitGroup
	for i, p := range cl.Peers() { // at once: each waits for the ledger to say otherwise
		all.Go(func() {
			_, err := p.Attestation(t.Context(), a)
			var status *peer.StatusError
			if !errors.As(err, &status) || status.Code != http.StatusForbidden || !strings.Contains(err.Error(), says) {
				t.Errorf("%s, node %d: %v, want 403 and %q", name, i, err, says)
			}
		})
	}
	all.Wait()
}

// TestOldCertificate: who deletes a blob and registers it again in the same epoch has no
// use for the certificate from before, and gets none from nodes that have dropped it.
func TestOldCertificate(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	cl, blob := w.client(3, nil), randomBlob(1, 100_000)
	receipt := put(t, cl, blob)
	id, old := receipt.ID, receipt.Certificate
	first := w.object(id)
	if want := named(id, first); old.Attestation != want {
		t.Fatalf("the certificate is of %+v, want %+v", old.Attestation, want)
	}
	until(t, "all nodes have it", func() bool { return w.all(func(c *citizen) bool { return c.certified(id) }) })
	plain := committee.Attestation{Kind: committee.Stored, Blob: id}
	refuse(t, cl, "no registration is named", plain, "has to be named")
	refuse(t, cl, "no such registration", named(id, ledger.ObjectID{1}), "no deletable registration")
	w.act(ledger.DeleteBlob{Blob: first})
	until(t, "it is gone", func() bool { return !w.any(func(c *citizen) bool { return c.has(id) }) })

	hasher := w.registrar(1).Hasher
	root, err := receipt.Metadata.Root(hasher)
	if err != nil {
		t.Fatal(err)
	}
	w.act(ledger.ReserveAndRegister{Epochs: 3, ID: id, Root: root, Length: uint64(len(blob)), Encoding: ledger.EncodingRS2, Deletable: true})
	second := w.object(id)
	err = w.show(t.Context(), second, old)
	if ledger.RuleOf(err) != ledger.RuleProof || !strings.Contains(err.Error(), "it is of the registration "+first.String()+", and not of "+second.String()) {
		t.Fatalf("the certificate from before: %v, want rule %q", err, ledger.RuleProof)
	}
	if b, err := w.reach.Blob(t.Context(), id); err != nil || b.Certified != nil {
		t.Errorf("certified in epoch %v (%v), and nobody has it", b.Certified, err)
	}
	if _, err := client.Attest(t.Context(), cl, named(id, second)); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("attested by nodes that have dropped it: %v, want ErrUnavailable", err)
	}

	// With its slivers the second registration is certified, and what is attested of it is
	// worth nothing for a third one.
	if got := put(t, cl, blob).Certificate; got.Attestation != named(id, second) {
		t.Errorf("the certificate is of %+v, want %+v", got.Attestation, named(id, second))
	}
	refuse(t, cl, "what was deleted", named(id, first), "no deletable registration")
	expectRead(t, cl, id, blob)
}

// TestPermanentCertificate: for a permanent registration any of them serves, and it stays.
func TestPermanentCertificate(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 16)
	blob := randomBlob(1, 100_000)
	cl := w.client(1, func(r *account.Registrar) { r.Permanent = true })
	receipt := put(t, cl, blob)
	id, cert := receipt.ID, receipt.Certificate
	if want := (committee.Attestation{Kind: committee.Stored, Blob: id}); cert.Attestation != want {
		t.Fatalf("the certificate is of %+v, want %+v", cert.Attestation, want)
	}
	first := w.object(id)
	refuse(t, cl, "a permanent one, as if it were deletable", named(id, first), "no deletable registration")
	for _, a := range []ledger.Action{ledger.DeleteBlob{Blob: first}, ledger.BurnBlob{Blob: first}} {
		if _, err := account.New(&w.reach, w.writer.Account()).Do(t.Context(), a); ledger.RuleOf(err) != ledger.RulePermanent {
			t.Errorf("%T: %v, want rule %q", a, err, ledger.RulePermanent)
		}
	}
	w.pass(2)
	until(t, "it has ended", func() bool { return !w.any(func(c *citizen) bool { return c.has(id) }) })
	root, err := receipt.Metadata.Root(w.registrar(1).Hasher)
	if err != nil {
		t.Fatal(err)
	}
	w.act(ledger.ReserveAndRegister{Epochs: 2, ID: id, Root: root, Length: uint64(len(blob)), Encoding: ledger.EncodingRS2})
	if err := w.show(t.Context(), w.object(id), cert); ledger.RuleOf(err) != ledger.RuleEpoch {
		t.Errorf("the certificate from before: %v, want rule %q", err, ledger.RuleEpoch)
	}
}
