package ledger

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// encodingRS2 is the number of the encoding RS2 in blob ids.
const encodingRS2 = 1

// EncodingRS2 is the encoding of all blobs, as transactions name it.
const EncodingRS2 uint8 = encodingRS2

// RegisterBlob puts a blob on a storage, which it uses up, whole: slivers of it may be
// stored from now on. It costs the write price of the encoded length, and makes a
// [Blob].
type RegisterBlob struct {
	Storage   ObjectID
	ID        commit.BlobID
	Root      commit.Hash // of the metadata, from which the id follows
	Length    uint64
	Encoding  uint8
	Deletable bool
}

func (a RegisterBlob) apply(d *draft, sender Address) error {
	s, err := ownStorage(d, a.Storage, sender)
	if err != nil {
		return err
	}
	d.remove(StorageKey(a.Storage))
	return register(d, sender, *s, a)
}

// ReserveAndRegister is ReserveSpace for the encoded length and for so many epochs from
// the current one on, and RegisterBlob on it.
type ReserveAndRegister struct {
	Epochs    uint32
	ID        commit.BlobID
	Root      commit.Hash
	Length    uint64
	Encoding  uint8
	Deletable bool
}

func (a ReserveAndRegister) apply(d *draft, sender Address) error {
	size, err := encodedLength(d, a.Length)
	if err != nil {
		return err
	}
	now := d.system.Epoch
	if a.Epochs > d.genesis.MaxEpochsAhead {
		return broken(RuleEpochs, "%d epochs are more than %d", a.Epochs, d.genesis.MaxEpochsAhead)
	}
	s, err := reserve(d, sender, size, now, now+a.Epochs)
	if err != nil {
		return err
	}
	return register(d, sender, *s, RegisterBlob{ID: a.ID, Root: a.Root, Length: a.Length, Encoding: a.Encoding, Deletable: a.Deletable})
}

// encodedLength returns the bytes that a blob takes over all shards.
func encodedLength(d *draft, length uint64) (uint64, error) {
	size, err := d.genesis.params().EncodedLength(length)
	if err != nil {
		return 0, broken(RuleSize, "%v", err)
	}
	return size, nil
}

func register(d *draft, sender Address, s Storage, a RegisterBlob) error {
	now := d.system.Epoch
	size, err := encodedLength(d, a.Length)
	switch {
	case err != nil:
		return err
	case now < s.Start || now >= s.End:
		return broken(RuleExpired, "the storage is for epochs %d to %d, and this is %d", s.Start, s.End, now)
	case size > s.Size:
		return broken(RuleSize, "it has %d bytes, and the blob takes %d", s.Size, size)
	case a.Encoding != encodingRS2:
		return broken(RuleBlobID, "encoding %d is not RS2, which is %d", a.Encoding, encodingRS2)
	case a.ID != d.hasher.BlobID(int(d.genesis.Shards), a.Length, a.Root):
		return broken(RuleBlobID, "no blob of that root, length and encoding has the id %v", a.ID)
	case get[Invalid](d.tree, InvalidKey(a.ID)) != nil:
		return broken(RuleInvalid, "%v is known to be no blob's id", a.ID)
	}
	price, err := mul(d.system.WritePrice, unitsOf(size))
	if err != nil {
		return err
	}
	if err := d.debit(sender, price); err != nil {
		return err
	}
	earn(d, now, price)
	id := d.newID()
	d.put(BlobKey(id), Blob{
		Owner: sender, ID: a.ID, Length: a.Length, Encoding: a.Encoding, Deletable: a.Deletable, Registered: now, Storage: s,
	})
	d.put(ByBlobIDKey(a.ID, id), struct{}{})
	d.emit(BlobRegistered{now, a.ID, a.Length, a.Encoding, s.End, a.Deletable, id})
	return nil
}

// ownBlob returns a blob of the sender's.
func ownBlob(d *draft, id ObjectID, sender Address) (*Blob, error) {
	b, err := object[Blob](d, BlobKey(id))
	if err != nil {
		return nil, err
	}
	if b.Shared {
		return nil, broken(RuleOwner, "it is shared")
	}
	return b, owned(b.Owner, sender)
}

// checkLive checks that the blob's storage has not ended.
func checkLive(d *draft, b *Blob) error {
	if now := d.system.Epoch; now >= b.Storage.End {
		return broken(RuleExpired, "its storage ended with epoch %d, and this is %d", b.Storage.End-1, now)
	}
	return nil
}

// CertifyBlob shows that the blob is stored: a quorum of the current committee says so. Of
// a deletable blob the certificate names the registration. Everybody may send it.
type CertifyBlob struct {
	Blob        ObjectID
	Certificate []byte
}

func (a CertifyBlob) apply(d *draft, _ Address) error {
	b, err := object[Blob](d, BlobKey(a.Blob))
	if err != nil {
		return err
	}
	if b.Certified != nil {
		return broken(RuleCertified, "it is since epoch %d", *b.Certified)
	}
	if err := checkLive(d, b); err != nil {
		return err
	}
	if get[Invalid](d.tree, InvalidKey(b.ID)) != nil {
		return broken(RuleInvalid, "%v is known to be no blob's id", b.ID)
	}
	attests := func(c committee.Attestation) error { return certifies(c, a.Blob, b) }
	if err := d.certificate(a.Certificate, attests); err != nil {
		return err
	}
	now := d.system.Epoch
	b.Certified = &now
	d.put(BlobKey(a.Blob), b)
	d.emit(BlobCertified{now, b.ID, b.Storage.End, b.Deletable, a.Blob, false})
	return nil
}

// certifies checks that it attests that the registered blob is stored. The error is of
// RuleProof.
//
// A certificate must not certify what nodes have dropped since they signed it. An honest
// member signs in the epoch e of its committee, when it has all of its slivers, and a
// registration r lives that the words are of: with a name, the deletable one of that name;
// without one, any permanent one. It keeps them for as long as some registration of the
// blob lives. The ledger takes a certificate in e alone, for a registration q that lives:
//
//   - With a name q is r. The name is a hash of the transaction that made r, which counts
//     once, so that nothing else ever has it; and r is gone for good once it is deleted or
//     burned. If q is there, r has lived ever since.
//   - Without a name q and r are permanent registrations of the same blob, and may be
//     two. But r lived in e, and nothing ends a permanent registration before its last epoch
//     has ended (DeleteBlob, BurnBlob). So r lives still, or has only ended with e, when the
//     certificate has ended too.
//
// Either way the blob was registered at every moment from the signature to here, and q
// keeps it from here on. In the next epoch the certificate is worth nothing: what was
// registered again then needs signatures of then.
func certifies(a committee.Attestation, id ObjectID, b *Blob) error {
	switch a.Kind {
	case committee.Stored, committee.WalrusPermanent:
		if b.Deletable && a.Blob == b.ID {
			return broken(RuleProof, "it names no registration, and the blob is deletable: it has to name %v", id)
		}
	case committee.StoredDeletable, committee.WalrusDeletable:
		switch {
		case a.Blob != b.ID:
		case !b.Deletable:
			return broken(RuleProof, "it is of a deletable registration, and this one is permanent")
		case a.Object != committee.ObjectID(id):
			return broken(RuleProof, "it is of the registration %v, and not of %v", ObjectID(a.Object), id)
		}
	default:
		return attestsOther(a)
	}
	if a.Blob != b.ID {
		return broken(RuleProof, "it is of the blob %v, and not of %v", a.Blob, b.ID)
	}
	return nil
}

// exactly returns what checks that just this is attested.
func exactly(want committee.Attestation) func(committee.Attestation) error {
	return func(a committee.Attestation) error {
		if a != want {
			return attestsOther(a)
		}
		return nil
	}
}

// attestsOther is the error of what was signed of something else.
func attestsOther(a committee.Attestation) error {
	return broken(RuleProof, "it attests something else: %v of %v", a.Kind, a.Blob)
}

// ExtendBlob buys more epochs of storage for a certified blob. Everybody may extend a
// shared one, which pays for itself.
type ExtendBlob struct {
	Blob   ObjectID
	Epochs uint32
}

func (a ExtendBlob) apply(d *draft, sender Address) error {
	pay := func(cost uint64) error { return d.debit(sender, cost) }
	b, err := object[Blob](d, BlobKey(a.Blob))
	if err == nil && b.Shared {
		pay = b.spend
	} else if err == nil {
		err = owned(b.Owner, sender)
	}
	if err == nil {
		err = checkExtensible(d, b)
	}
	if err != nil {
		return err
	}
	if a.Epochs == 0 || a.Epochs > d.genesis.MaxEpochsAhead {
		return broken(RuleEpochs, "%d epochs, and there can be 1 to %d", a.Epochs, d.genesis.MaxEpochsAhead)
	}
	end := b.Storage.End + a.Epochs
	if err := occupy(d, pay, b.Storage.Size, b.Storage.End, end); err != nil {
		return err
	}
	b.Storage.End = end
	extended(d, a.Blob, b)
	return nil
}

// checkExtensible checks that a blob is certified and lives.
func checkExtensible(d *draft, b *Blob) error {
	if b.Certified == nil {
		return broken(RuleCertified, "it is not yet")
	}
	return checkLive(d, b)
}

func extended(d *draft, id ObjectID, b *Blob) {
	d.put(BlobKey(id), b)
	d.emit(BlobCertified{*b.Certified, b.ID, b.Storage.End, b.Deletable, id, true})
}

// ExtendWithStorage extends a certified blob by a storage of the same size that begins
// as the blob's ends.
type ExtendWithStorage struct {
	Blob, Storage ObjectID
}

func (a ExtendWithStorage) apply(d *draft, sender Address) error {
	b, err := ownBlob(d, a.Blob, sender)
	if err == nil {
		err = checkExtensible(d, b)
	}
	if err != nil {
		return err
	}
	s, err := ownStorage(d, a.Storage, sender)
	if err != nil {
		return err
	}
	if s.Size != b.Storage.Size || s.Start != b.Storage.End {
		return broken(RuleMismatch, "%d bytes from epoch %d on are needed, and it has %d from %d on", b.Storage.Size, b.Storage.End, s.Size, s.Start)
	}
	b.Storage.End = s.End
	d.remove(StorageKey(a.Storage))
	extended(d, a.Blob, b)
	return nil
}

// DeleteBlob gives up a deletable blob, and makes a [Storage] of what it was on.
type DeleteBlob struct {
	Blob ObjectID
}

func (a DeleteBlob) apply(d *draft, sender Address) error {
	b, err := ownBlob(d, a.Blob, sender)
	if err != nil {
		return err
	}
	if !b.Deletable {
		return broken(RulePermanent, "it stays until epoch %d", b.Storage.End)
	}
	if err := checkLive(d, b); err != nil {
		return err
	}
	d.remove(BlobKey(a.Blob))
	d.remove(ByBlobIDKey(b.ID, a.Blob))
	b.Storage.Owner = sender
	d.put(StorageKey(d.newID()), b.Storage)
	d.emit(BlobDeleted{d.system.Epoch, b.ID, b.Length, b.Storage.End, a.Blob, b.Certified})
	return nil
}

// InvalidateBlob shows that an id is no blob's: members who own more than a third of the
// shards have verified the proof. Everybody may send it.
type InvalidateBlob struct {
	ID          commit.BlobID
	Certificate []byte
}

func (a InvalidateBlob) apply(d *draft, _ Address) error {
	if get[Invalid](d.tree, InvalidKey(a.ID)) != nil {
		return broken(RuleTwice, "%v is marked already", a.ID)
	}
	attests := func(c committee.Attestation) error {
		if !c.Invalidates(a.ID) {
			return attestsOther(c)
		}
		return nil
	}
	if err := d.certificate(a.Certificate, attests); err != nil {
		return err
	}
	d.put(InvalidKey(a.ID), Invalid{d.system.Epoch})
	d.emit(BlobInvalidated{d.system.Epoch, a.ID})
	return nil
}
