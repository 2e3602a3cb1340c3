package ledger

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
)

// TestLifetime follows a blob from its registration to its end.
func TestLifetime(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.people[0], w.people[1]
	b := w.blob("a", 1<<20)
	size, err := w.state.Genesis().params().EncodedLength(b.length)
	if err != nil {
		t.Fatal(err)
	}
	before := w.balance(alice)
	r, id := w.try(alice, ReserveAndRegister{3, b.id, b.root, b.length, encodingRS2, true})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	units := (size + unit - 1) / unit
	if paid, want := before-w.balance(alice), 3*100*units+20*units+r.Fee; paid != want {
		t.Errorf("paid %d, want %d: 3 epochs of storage, a write and the fee", paid, want)
	}
	want := []Event{BlobRegistered{1, b.id, b.length, encodingRS2, 4, true, id}}
	if !reflect.DeepEqual(r.Events, want) {
		t.Errorf("events %+v, want %+v", r.Events, want)
	}
	if r, _ := w.try(bob, CertifyBlob{id, w.certificate(storedAs(b, id), 0, 1, 2)}); r.Err != nil ||
		!reflect.DeepEqual(r.Events, []Event{BlobCertified{1, b.id, 4, true, id, false}}) {
		t.Fatalf("certify: %v, events %+v", r.Err, r.Events)
	}
	w.nextEpoch()
	if r, _ := w.try(alice, ExtendBlob{id, 2}); r.Err != nil ||
		!reflect.DeepEqual(r.Events, []Event{BlobCertified{1, b.id, 6, true, id, true}}) {
		t.Fatalf("extend: %v, events %+v", r.Err, r.Events)
	}
	more := w.do(alice, ReserveSpace{size, 6, 7})
	w.do(alice, ExtendWithStorage{id, more})
	w.do(alice, SetAttributes{id, []Attribute{{"type", "text"}, {"a", "b"}}})
	w.do(alice, SetAttributes{id, []Attribute{{"a", ""}}})
	w.do(alice, TransferBlob{id, addressOf(bob)})
	w.checkInvariants()
	got := Get[Blob](w.state, BlobKey(id))
	if got.Owner != addressOf(bob) || got.Storage.End != 7 || !reflect.DeepEqual(got.Attributes, []Attribute{{"type", "text"}}) {
		t.Errorf("blob %+v", got)
	}
	for object, found := range w.state.Blobs(b.id) {
		if object != id || found.Length != b.length {
			t.Errorf("found by its id: %v, %+v", object, found)
		}
	}
	r, storage := w.try(bob, DeleteBlob{id})
	first := uint32(1)
	if want := []Event{BlobDeleted{2, b.id, b.length, 7, id, &first}}; r.Err != nil || !reflect.DeepEqual(r.Events, want) {
		t.Errorf("delete: %v, events %+v, want %+v", r.Err, r.Events, want)
	}
	never := w.register(bob, b, 1, true)
	if r, _ := w.try(bob, DeleteBlob{never}); !reflect.DeepEqual(r.Events, []Event{BlobDeleted{2, b.id, b.length, 3, never, nil}}) {
		t.Errorf("delete what was never certified: events %+v", r.Events)
	}
	if Get[Blob](w.state, BlobKey(id)) != nil {
		t.Error("a deleted blob is still there")
	}
	for range w.state.Blobs(b.id) {
		t.Error("a deleted blob is found by its id")
	}
	if s := Get[Storage](w.state, StorageKey(storage)); s == nil || *s != (Storage{addressOf(bob), 1, 7, size}) {
		t.Errorf("its storage is %+v", s)
	}
	w.checkInvariants()
}

// TestBlobRules breaks each rule of blobs and storages once.
func TestBlobRules(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.people[0], w.people[1]
	a, b, c := w.blob("a", 1000), w.blob("b", 1000), w.blob("c", 1000)
	size, err := w.state.Genesis().params().EncodedLength(1000)
	if err != nil {
		t.Fatal(err)
	}
	permanent := w.register(alice, a, 2, false)
	deletable := w.register(alice, b, 2, true)
	certified := w.register(alice, c, 2, true)
	w.do(alice, CertifyBlob{certified, w.certificate(storedAs(c, certified), 0, 1, 2)})
	small := w.do(alice, ReserveSpace{size - 1, 0, 3})
	room := w.do(alice, ReserveSpace{size, 0, 3})
	later := w.do(alice, ReserveSpace{size, 3, 5})
	other := w.do(alice, ReserveSpace{2 * size, 3, 5})
	foreign := w.do(bob, ReserveSpace{size, 0, 3})
	invalid := w.blob("invalid", 1000)
	mark := committee.Attestation{Kind: committee.Inconsistent, Blob: invalid.id}
	proof := w.certificate(mark, 0, 1)
	registered := w.register(alice, invalid, 2, false)
	w.do(bob, InvalidateBlob{invalid.id, proof})
	proven := w.blob("proven", 1000)
	unknown := ObjectID{1}
	register := func(storage ObjectID, b blob) RegisterBlob {
		return RegisterBlob{storage, b.id, b.root, b.length, encodingRS2, false}
	}
	forged := w.certificate(stored(a), 0, 1, 2)
	forged[1+8+32+2] = 0xf // a signer more

	for _, test := range []struct {
		name   string
		action Action
		want   Rule
	}{
		{"transfer nothing", Transfer{addressOf(bob), 0}, RuleAmount},
		{"transfer too much", Transfer{addressOf(bob), 2 * testMoney}, RuleFunds},
		{"reserve nothing", ReserveSpace{0, 0, 3}, RuleAmount},
		{"reserve the past", ReserveSpace{size, 0, 1}, RuleEpochs},
		{"reserve backwards", ReserveSpace{size, 5, 4}, RuleEpochs},
		{"reserve too far ahead", ReserveSpace{size, 0, 10}, RuleEpochs},
		{"reserve the last epoch there is", ReserveSpace{size, 0, 1<<32 - 1}, RuleEpochs},
		{"reserve more than there is", ReserveSpace{1 << 32, 0, 2}, RuleCapacity},
		{"reserve more than can be counted", ReserveSpace{1<<64 - 1, 0, 9}, RuleFunds},
		{"split at the start", SplitByEpoch{room, 1}, RuleEpochs},
		{"split at the end", SplitByEpoch{room, 3}, RuleEpochs},
		{"split more than there is", SplitBySize{room, size + 1}, RuleAmount},
		{"fuse with itself", Fuse{room, room}, RuleMismatch},
		{"fuse what does not meet", Fuse{room, other}, RuleMismatch},
		{"fuse other sizes", Fuse{later, other}, ""},
		{"fuse what is gone", Fuse{later, other}, RuleUnknown},
		{"fuse somebody else's", Fuse{room, foreign}, RuleOwner},
		{"register on nothing", register(unknown, a), RuleUnknown},
		{"register on somebody else's", register(foreign, a), RuleOwner},
		{"register on too little", register(small, a), RuleSize},
		{"register on the future", register(later, a), RuleExpired},
		{"register a wrong id", register(room, blob{b.id, a.root, a.length}), RuleBlobID},
		{"register a wrong length", register(room, blob{a.id, a.root, a.length + 1}), RuleBlobID},
		{"register a wrong encoding", RegisterBlob{room, a.id, a.root, a.length, 0, false}, RuleBlobID},
		{"register what is invalid", register(room, invalid), RuleInvalid},
		{"register for no epochs", ReserveAndRegister{0, a.id, a.root, a.length, encodingRS2, false}, RuleEpochs},
		{"register for too many epochs", ReserveAndRegister{9, a.id, a.root, a.length, encodingRS2, false}, RuleEpochs},
		{"register for more epochs than there are", ReserveAndRegister{1<<32 - 1, a.id, a.root, a.length, encodingRS2, false}, RuleEpochs},
		{"register what no code can hold", ReserveAndRegister{1, a.id, a.root, 1 << 63, encodingRS2, false}, RuleSize},
		{"certify nothing", CertifyBlob{unknown, w.certificate(stored(a), 0, 1, 2)}, RuleUnknown},
		{"certify with rubbish", CertifyBlob{permanent, []byte("rubbish")}, RuleProof},
		{"certify with another's certificate", CertifyBlob{permanent, w.certificate(stored(b), 0, 1, 2)}, RuleProof},
		{"certify with another kind", CertifyBlob{registered, w.certificate(mark, 0, 1, 2)}, RuleInvalid},
		{"certify with a forged bitmap", CertifyBlob{permanent, forged}, RuleProof},
		{"certify twice", CertifyBlob{certified, w.certificate(stored(c), 0, 1, 2)}, RuleCertified},
		{"extend what is not certified", ExtendBlob{permanent, 1}, RuleCertified},
		{"extend by nothing", ExtendBlob{certified, 0}, RuleEpochs},
		{"extend too far", ExtendBlob{certified, 7}, RuleEpochs},
		{"extend beyond all epochs", ExtendBlob{certified, 1<<32 - 1}, RuleEpochs},
		{"extend by what does not follow", ExtendWithStorage{certified, room}, RuleMismatch},
		{"delete what is permanent", DeleteBlob{permanent}, RulePermanent},
		{"burn what is permanent", BurnBlob{permanent}, RulePermanent},
		{"attribute without a name", SetAttributes{deletable, []Attribute{{"", "x"}}}, RuleText},
		{"attribute that is too long", SetAttributes{deletable, []Attribute{{"x", string(make([]byte, 5000))}}}, RuleText},
		{"too many attributes", SetAttributes{deletable, manyAttributes()}, RuleText},
		{"invalidate twice", InvalidateBlob{invalid.id, proof}, RuleTwice},
		{"invalidate with another's", InvalidateBlob{a.id, proof}, RuleProof},
		{"invalidate what a client has proven", InvalidateBlob{proven.id, w.certificate(committee.Attestation{Kind: committee.WalrusInvalid, Blob: proven.id}, 0, 1)}, ""},
		{"invalidate that twice", InvalidateBlob{proven.id, w.certificate(committee.Attestation{Kind: committee.WalrusInvalid, Blob: proven.id}, 0, 1)}, RuleTwice},
		{"invalidate with a stored blob's", InvalidateBlob{a.id, w.certificate(stored(a), 0, 1, 2)}, RuleProof},
		{"subsidy of nothing", AddSubsidy{0, 1}, RuleAmount},
		{"subsidy for no epochs", AddSubsidy{5, 0}, RuleEpochs},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.state
			r, _ := w.try(alice, test.action)
			if got := RuleOf(r.Err); got != test.want {
				t.Fatalf("%v (rule %q), want rule %q", r.Err, got, test.want)
			}
			w.checkInvariants()
			if r.Err != nil && len(r.Events) > 0 {
				t.Error("a refused transaction has events")
			}
			a, b := before.System(), w.state.System()
			if a.Height, a.Burned = b.Height, b.Burned; r.Err != nil && a != b {
				t.Errorf("a refused transaction changed the system from %+v to %+v", a, b)
			}
		})
	}
	for _, test := range []struct {
		name   string
		action Action
	}{
		{"split", SplitBySize{room, 1}}, {"transfer storage", TransferStorage{room, addressOf(bob)}}, {"extend", ExtendBlob{certified, 1}},
		{"delete", DeleteBlob{deletable}}, {"transfer blob", TransferBlob{deletable, addressOf(bob)}}, {"attribute", SetAttributes{deletable, nil}},
	} {
		if r, _ := w.try(bob, test.action); RuleOf(r.Err) != RuleOwner {
			t.Errorf("%s of somebody else's: %v, want rule %q", test.name, r.Err, RuleOwner)
		}
	}
	certificate := w.certificate(stored(a), 0, 1, 2)
	w.nextEpoch()
	if r, _ := w.try(alice, CertifyBlob{permanent, certificate}); RuleOf(r.Err) != RuleEpoch {
		t.Errorf("certificate of the last epoch: %v, want rule %q", r.Err, RuleEpoch)
	}
	w.nextEpoch()
	for _, action := range []Action{CertifyBlob{permanent, w.certificate(stored(a), 0, 1, 2)}, ExtendBlob{certified, 1}, DeleteBlob{deletable}} {
		if r, _ := w.try(alice, action); RuleOf(r.Err) != RuleExpired {
			t.Errorf("%T after its storage ended: %v, want rule %q", action, r.Err, RuleExpired)
		}
	}
}

func manyAttributes() []Attribute {
	all := make([]Attribute, maxAttributes+1)
	for i := range all {
		all[i] = Attribute{string(rune('A' + i)), "x"}
	}
	return all
}

func TestSplitAndFuse(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	whole := w.do(alice, ReserveSpace{100, 0, 9})
	rest := w.do(alice, SplitByEpoch{whole, 4})
	part := w.do(alice, SplitBySize{whole, 30})
	w.checkInvariants()
	for id, want := range map[ObjectID]Storage{
		whole: {addressOf(alice), 1, 4, 30}, part: {addressOf(alice), 1, 4, 70}, rest: {addressOf(alice), 4, 9, 100},
	} {
		if got := Get[Storage](w.state, StorageKey(id)); got == nil || *got != want {
			t.Errorf("storage %+v, want %+v", got, want)
		}
	}
	w.do(alice, Fuse{part, whole})
	w.do(alice, Fuse{rest, part})
	if got, want := Get[Storage](w.state, StorageKey(rest)), (Storage{addressOf(alice), 1, 9, 100}); got == nil || *got != want {
		t.Errorf("fused to %+v, want %+v", got, want)
	}
	w.checkInvariants()
}

// TestWalrusCertificates: what Walrus's clients add up certifies the registration that it
// is of, and no other.
func TestWalrusCertificates(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	b := w.blob("a", 1000)
	permanent, deletable, other := w.register(alice, b, 2, false), w.register(alice, b, 2, true), w.register(alice, b, 2, true)
	says := func(kind committee.Kind, object ObjectID, members ...int) []byte {
		return w.certificate(committee.Attestation{Kind: kind, Blob: b.id, Object: committee.ObjectID(object)}, members...)
	}
	forever := says(committee.WalrusPermanent, ObjectID{}, 0, 1, 2)
	few := bytes.Clone(forever)
	few[1+8+32+2] = 1 // the bitmap
	once := says(committee.WalrusDeletable, deletable, 0, 1, 2)
	for _, c := range []struct {
		name   string
		object ObjectID
		cert   []byte
		want   Rule
	}{
		{"permanent of a deletable one", deletable, forever, RuleProof},
		{"deletable of a permanent one", permanent, once, RuleProof},
		{"another registration", other, once, RuleProof},
		{"too few", permanent, few, RuleProof},
		{"permanent", permanent, forever, ""},
		{"deletable", deletable, once, ""},
		{"again", deletable, once, RuleCertified},
	} {
		if r, _ := w.try(alice, CertifyBlob{c.object, c.cert}); RuleOf(r.Err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, r.Err, c.want)
		}
	}
	w.checkInvariants()
}
