package ledger

// Transfer gives money to somebody.
type Transfer struct {
	To     Address
	Amount uint64
}

func (a Transfer) apply(d *draft, sender Address) error {
	if a.Amount == 0 {
		return broken(RuleAmount, "nothing to transfer")
	}
	if err := d.debit(sender, a.Amount); err != nil {
		return err
	}
	d.credit(a.To, a.Amount)
	return nil
}

// ReserveSpace buys storage of Size encoded bytes for epochs from Start on, until before
// End. A Start in the past is the current epoch. It makes a [Storage].
type ReserveSpace struct {
	Size       uint64
	Start, End uint32
}

func (a ReserveSpace) apply(d *draft, sender Address) error {
	s, err := reserve(d, sender, a.Size, max(a.Start, d.system.Epoch), a.End)
	if err != nil {
		return err
	}
	d.put(StorageKey(d.newID()), s)
	return nil
}

// reserve pays for storage, and counts it as used.
func reserve(d *draft, payer Address, size uint64, start, end uint32) (*Storage, error) {
	if size == 0 {
		return nil, broken(RuleAmount, "no bytes to reserve")
	}
	if err := occupy(d, func(cost uint64) error { return d.debit(payer, cost) }, size, start, end); err != nil {
		return nil, err
	}
	return &Storage{Owner: payer, Start: start, End: end, Size: size}, nil
}

// occupy has so many bytes counted in each of some epochs, and pays for them.
func occupy(d *draft, pay func(cost uint64) error, size uint64, start, end uint32) error {
	now := d.system.Epoch
	switch {
	case end <= start:
		return broken(RuleEpochs, "epochs %d to %d are none", start, end)
	case end-now > d.genesis.MaxEpochsAhead:
		return broken(RuleEpochs, "epoch %d is more than %d epochs ahead", end, d.genesis.MaxEpochsAhead)
	}
	price, err := mul(d.system.StoragePrice, unitsOf(size))
	if err != nil {
		return err
	}
	cost, err := mul(price, uint64(end-start))
	if err != nil {
		return err
	}
	if err := pay(cost); err != nil {
		return err
	}
	for epoch := start; epoch < end; epoch++ {
		slot := d.slot(epoch)
		if slot.Used, err = add(slot.Used, size); err != nil {
			return err
		}
		if slot.Used > d.system.Capacity {
			return broken(RuleCapacity, "in epoch %d, %d bytes would be in use of %d", epoch, slot.Used, d.system.Capacity)
		}
		slot.Rewards += price
		d.put(SlotKey(epoch), slot)
	}
	return nil
}

// ownStorage returns a storage of the sender's.
func ownStorage(d *draft, id ObjectID, sender Address) (*Storage, error) {
	s, err := object[Storage](d, StorageKey(id))
	if err != nil {
		return nil, err
	}
	return s, owned(s.Owner, sender)
}

// SplitByEpoch makes two of a storage: one that ends before Epoch, which keeps the id,
// and a new one from then on.
type SplitByEpoch struct {
	Storage ObjectID
	Epoch   uint32
}

func (a SplitByEpoch) apply(d *draft, sender Address) error {
	s, err := ownStorage(d, a.Storage, sender)
	if err != nil {
		return err
	}
	if a.Epoch <= s.Start || a.Epoch >= s.End {
		return broken(RuleEpochs, "epoch %d is not within %d to %d", a.Epoch, s.Start, s.End)
	}
	rest := *s
	s.End, rest.Start = a.Epoch, a.Epoch
	d.put(StorageKey(a.Storage), s)
	d.put(StorageKey(d.newID()), rest)
	return nil
}

// SplitBySize makes two of a storage: one of Size bytes, which keeps the id, and a new
// one of the rest.
type SplitBySize struct {
	Storage ObjectID
	Size    uint64
}

func (a SplitBySize) apply(d *draft, sender Address) error {
	s, err := ownStorage(d, a.Storage, sender)
	if err != nil {
		return err
	}
	if a.Size > s.Size {
		return broken(RuleAmount, "it has %d bytes, and %d are to be kept", s.Size, a.Size)
	}
	rest := *s
	s.Size, rest.Size = a.Size, s.Size-a.Size
	d.put(StorageKey(a.Storage), s)
	d.put(StorageKey(d.newID()), rest)
	return nil
}

// Fuse makes one of two storages, which keeps the first one's id: of the same epochs, or
// of the same size where one begins as the other ends.
type Fuse struct {
	First, Second ObjectID
}

func (a Fuse) apply(d *draft, sender Address) error {
	first, err := ownStorage(d, a.First, sender)
	if err != nil {
		return err
	}
	second, err := ownStorage(d, a.Second, sender)
	if err != nil {
		return err
	}
	if a.First == a.Second {
		return broken(RuleMismatch, "they are the same one")
	}
	switch {
	case first.Start == second.Start && first.End == second.End:
		if first.Size, err = add(first.Size, second.Size); err != nil {
			return err
		}
	case first.Start == second.Start:
		return broken(RuleMismatch, "one ends before epoch %d, the other before %d", first.End, second.End)
	case first.Size != second.Size:
		return broken(RuleMismatch, "one has %d bytes, the other %d", first.Size, second.Size)
	case first.End == second.Start:
		first.End = second.End
	case second.End == first.Start:
		first.Start = second.Start
	default:
		return broken(RuleMismatch, "epochs %d to %d and %d to %d do not meet", first.Start, first.End, second.Start, second.End)
	}
	d.put(StorageKey(a.First), first)
	d.remove(StorageKey(a.Second))
	return nil
}

// TransferStorage gives a storage to somebody.
type TransferStorage struct {
	Storage ObjectID
	To      Address
}

func (a TransferStorage) apply(d *draft, sender Address) error {
	s, err := ownStorage(d, a.Storage, sender)
	if err != nil {
		return err
	}
	s.Owner = a.To
	d.put(StorageKey(a.Storage), s)
	return nil
}

// AddSubsidy gives money to the storage fund, in equal parts for the current epoch and
// those after it. What is left over goes to the current one.
type AddSubsidy struct {
	Amount uint64
	Epochs uint32
}

func (a AddSubsidy) apply(d *draft, sender Address) error {
	switch {
	case a.Epochs == 0 || a.Epochs > d.genesis.MaxEpochsAhead:
		return broken(RuleEpochs, "%d epochs, and there can be 1 to %d", a.Epochs, d.genesis.MaxEpochsAhead)
	case a.Amount == 0:
		return broken(RuleAmount, "nothing to give")
	}
	if err := d.debit(sender, a.Amount); err != nil {
		return err
	}
	part, rest := a.Amount/uint64(a.Epochs), a.Amount%uint64(a.Epochs)
	for i := range a.Epochs {
		earn(d, d.system.Epoch+i, part)
	}
	earn(d, d.system.Epoch, rest)
	return nil
}

// earn puts money into the storage fund.
func earn(d *draft, epoch uint32, amount uint64) {
	slot := d.slot(epoch)
	slot.Rewards += amount // of all money there is less than 2^64
	d.put(SlotKey(epoch), slot)
}
