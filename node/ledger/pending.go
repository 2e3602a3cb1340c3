package ledger

// at returns the sum of the values that have taken effect by the epoch.
func (p Pending) at(epoch uint32) (sum uint64) {
	for _, v := range p {
		if v.Epoch <= epoch {
			sum += v.Value
		}
	}
	return sum
}

// add adds to the value of an epoch.
func (p *Pending) add(epoch uint32, value uint64) {
	for i := range *p {
		if (*p)[i].Epoch == epoch {
			(*p)[i].Value += value
			return
		}
	}
	*p = append(*p, PendingValue{epoch, value})
}

// replace sets the value of an epoch.
func (p *Pending) replace(epoch uint32, value uint64) {
	for i := range *p {
		if (*p)[i].Epoch == epoch {
			(*p)[i].Value = value
			return
		}
	}
	*p = append(*p, PendingValue{epoch, value})
}

// reduce takes from the value of an epoch, which is at least as much.
func (p Pending) reduce(epoch uint32, value uint64) {
	for i := range p {
		if p[i].Epoch == epoch {
			p[i].Value -= value
		}
	}
}

// take removes the values that have taken effect by the epoch, and returns them in the
// order in which they came.
func (p *Pending) take(epoch uint32) (taken Pending) {
	var rest Pending
	for _, v := range *p {
		if v.Epoch <= epoch {
			taken = append(taken, v)
		} else {
			rest = append(rest, v)
		}
	}
	*p = rest
	return taken
}

// sum returns the sum of all values.
func (p Pending) sum() (sum uint64) {
	for _, v := range p {
		sum += v.Value
	}
	return sum
}

// latest returns the value of the last epoch.
func (p Pending) latest() (value uint64, ok bool) {
	last := uint32(0)
	for _, v := range p {
		if !ok || v.Epoch > last {
			last, value, ok = v.Epoch, v.Value, true
		}
	}
	return value, ok
}
