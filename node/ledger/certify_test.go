package ledger

import (
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
)

// TestOldCertificates: who gives a blob up, so that nodes drop it, and registers it again
// has no use for the certificate from before, whatever words it is in.
func TestOldCertificates(t *testing.T) {
	type registration struct {
		*world
		blob
		id ObjectID
	}
	named := func(kind committee.Kind) func(registration) committee.Attestation {
		return func(r registration) committee.Attestation {
			return committee.Attestation{Kind: kind, Blob: r.blob.id, Object: committee.ObjectID(r.id)}
		}
	}
	plain := func(kind committee.Kind) func(registration) committee.Attestation {
		return func(r registration) committee.Attestation { return committee.Attestation{Kind: kind, Blob: r.blob.id} }
	}
	remove := func(r registration) { r.do(r.people[0], DeleteBlob{r.id}) }
	burn := func(r registration) { r.do(r.people[0], BurnBlob{r.id}) }
	expire := func(r registration) { r.nextEpoch() }
	for _, test := range []struct {
		name          string
		before, after bool // deletable
		words         func(registration) committee.Attestation
		end           func(registration)
		want          Rule
		says          string
	}{
		{"deleted, named", true, true, named(committee.StoredDeletable), remove, RuleProof, "it is of the registration"},
		{"deleted, named in Walrus's words", true, true, named(committee.WalrusDeletable), remove, RuleProof, "it is of the registration"},
		{"deleted, not named", true, true, plain(committee.Stored), remove, RuleProof, "it names no registration"},
		{"deleted, permanent in Walrus's words", true, true, plain(committee.WalrusPermanent), remove, RuleProof, "it names no registration"},
		{"burned", true, true, named(committee.StoredDeletable), burn, RuleProof, "it is of the registration"},
		{"deleted, then permanent", true, false, named(committee.StoredDeletable), remove, RuleProof, "this one is permanent"},
		{"expired", false, false, plain(committee.Stored), expire, RuleEpoch, "epoch"},
		{"expired, in Walrus's words", false, false, plain(committee.WalrusPermanent), expire, RuleEpoch, "epoch"},
		{"expired, deletable", true, true, named(committee.StoredDeletable), expire, RuleEpoch, "epoch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			alice, b := w.people[0], w.blob("a", 1000)
			first := registration{w, b, w.register(alice, b, 1, test.before)}
			old := w.certificate(test.words(first), 0, 1, 2, 3)
			test.end(first)
			again := w.register(alice, b, 1, test.after)
			if again == first.id {
				t.Fatalf("the second registration has the name of the first one, %v", again)
			}
			r, _ := w.try(alice, CertifyBlob{again, old})
			if RuleOf(r.Err) != test.want || !strings.Contains(r.Err.Error(), test.says) {
				t.Errorf("the certificate from before: %v, want rule %q and %q", r.Err, test.want, test.says)
			}
			if r, _ := w.try(alice, CertifyBlob{first.id, old}); test.want == RuleProof && RuleOf(r.Err) != RuleUnknown {
				t.Errorf("of what is gone: %v, want rule %q", r.Err, RuleUnknown)
			}
			if Get[Blob](w.state, BlobKey(again)).Certified != nil {
				t.Error("it is certified, and nobody has it")
			}
			right := stored(b)
			if test.after {
				right = storedAs(b, again)
			}
			w.do(alice, CertifyBlob{again, w.certificate(right, 0, 1, 2)})
		})
	}
}

// TestPermanentStays: nothing ends a permanent registration before its time, so that its
// certificate may serve others of its kind.
func TestPermanentStays(t *testing.T) {
	w := newWorld(t)
	alice, bob, b := w.people[0], w.people[1], w.blob("a", 1000)
	first := w.register(alice, b, 1, false)
	cert := w.certificate(stored(b), 0, 1, 2)
	ends := []Action{DeleteBlob{first}, BurnBlob{first}}
	for _, a := range ends {
		if r, _ := w.try(alice, a); RuleOf(r.Err) != RulePermanent {
			t.Errorf("%T: %v, want rule %q", a, r.Err, RulePermanent)
		}
	}
	second := w.register(bob, b, 3, false)
	w.do(bob, CertifyBlob{second, cert})
	w.do(alice, ShareBlob{first})
	for _, a := range ends {
		if r, _ := w.try(alice, a); RuleOf(r.Err) != RuleOwner {
			t.Errorf("%T when it is shared: %v, want rule %q", a, r.Err, RuleOwner)
		}
	}
	w.nextEpoch()
	w.do(bob, BurnBlob{first})
	if r, _ := w.try(bob, BurnBlob{second}); RuleOf(r.Err) != RulePermanent {
		t.Errorf("burning what lives: %v, want rule %q", r.Err, RulePermanent)
	}
}

// FuzzOldCertificates: whatever is registered, given up, signed and shown in whatever
// order, of one blob, nothing is certified by what members signed before they dropped the
// blob. They sign while a registration lives that the words are of, and drop the blob when
// none lives any more.
func FuzzOldCertificates(f *testing.F) {
	const permanent, deletable, remove, burn, sign, certify, epoch = 0, 1, 2, 3, 4, 5, 6
	f.Add([]byte{deletable, 0, sign, 0, remove, 0, deletable, 0, certify, 1})
	f.Add([]byte{permanent, 0, sign, 0, burn, 0, permanent, 0, certify, 1})
	f.Add([]byte{permanent, 0, sign, 1, epoch, 0, permanent, 0, certify, 1})
	f.Add([]byte{deletable, 0, permanent, 0, sign, 4, burn, 0, remove, 1, deletable, 0, certify, 2, certify, 1})
	begun := newWorld(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		type signed struct {
			cert []byte
			life int
		}
		copied := *begun
		w := &copied
		w.t = t
		alice, b := w.people[0], w.blob("a", 1000)
		var objects []ObjectID
		var certs []signed
		life, there := 0, false
		live := func(id ObjectID) *Blob {
			r := Get[Blob](w.state, BlobKey(id))
			if r == nil || w.state.System().Epoch >= r.Storage.End {
				return nil
			}
			return r
		}
		for script = script[:min(len(script), 48)]; len(script) >= 2; script = script[2:] {
			at := int(script[1])
			var id ObjectID
			if len(objects) > 0 {
				id = objects[at%len(objects)]
			}
			switch script[0] % 7 {
			case permanent, deletable:
				if len(objects) < 8 {
					objects = append(objects, w.register(alice, b, 1+uint32(at%3), script[0]%7 == deletable))
				}
			case remove:
				w.try(alice, DeleteBlob{id})
			case burn:
				w.try(alice, BurnBlob{id})
			case sign:
				of := live(id)
				if of == nil || len(certs) == 16 {
					continue
				}
				a := stored(b)
				if of.Deletable {
					a = storedAs(b, id)
				}
				if at >= 128 {
					a.Kind = map[committee.Kind]committee.Kind{
						committee.Stored: committee.WalrusPermanent, committee.StoredDeletable: committee.WalrusDeletable,
					}[a.Kind]
				}
				certs = append(certs, signed{w.certificate(a, 0, 1, 2, 3), life})
			case certify:
				if len(certs) == 0 {
					continue
				}
				c := certs[at/8%len(certs)]
				if r, _ := w.try(alice, CertifyBlob{id, c.cert}); r.Err == nil && c.life != life {
					t.Fatalf("certified by what members signed %d lives of the blob ago", life-c.life)
				}
			case epoch:
				w.pass(testEpoch)
				w.pass(testEpoch)
			}
			now := false
			for _, id := range objects {
				now = now || live(id) != nil
			}
			if there && !now {
				life++
			}
			there = now
		}
	})
}
