package lines

// Job is lines to be moved past the caches while other work goes on: a kernel that is
// busy in registers leaves the ways to memory idle. It knows memory by address alone:
// the owner keeps what it was given until Finish. Not for concurrent use.
type Job struct {
	// What assembly reads by offset, the current move first.
	left  int
	_     [2]uintptr // where from and where to
	next  uintptr    // the move after it, in moves
	count int        // of the moves from there on

	mover Mover
	moves []move
}

// move is of whole lines.
type move struct {
	src, dst uintptr
	lines    int
}

// NewJob returns an empty job.
func (m Mover) NewJob() *Job { return &Job{mover: m} }

// Store plans to copy count rows of size bytes that are in cache, and will not be
// used soon once they are copied. dst and src do not overlap.
func (j *Job) Store(dst, src Rows, size, count int) {
	if check("Store", dst, src, size, count) {
		j.plan(dst, src, size, count, nil, true, true)
	}
}

// StorePart is Store for rows that come in parts: the first, those between, and the
// last, each part right after the one before in dst, and of at least a line unless it
// is the only one or the last. carry has a line for each row, of which the part leaves
// what does not fill a line of dst to the next one. The line before a row of src is
// spoilt.
func (j *Job) StorePart(dst, src Rows, size, count int, carry []byte, first, last bool) {
	if check("StorePart", dst, src, size, count) {
		j.plan(dst, src, size, count, carry, first, last)
	}
}

// Pointer returns what assembly takes for the job, nil for none.
func (j *Job) Pointer() *int {
	if j == nil {
		return nil
	}
	return &j.left
}

// Line is the size of a cache line in bytes.
const Line = 64
