package httpd

import (
	"fmt"
	"time"
)

// Descriptors is how the file descriptors of a process are divided.
type Descriptors struct {
	Limit    int // of the process; 0 if it is not known
	Conns    int // connections to it; half as many more may wait for room
	Requests int // requests at once, each of which may have a file open
	Files    int // files that its database keeps open

	// Short says that there are fewer connections, or requests, than were asked for.
	Short bool
}

// spareDescriptors are for what is there always: logs, listeners, locks, journals.
const spareDescriptors = 24

// Divide divides limit descriptors for a process that would serve as many connections
// and requests as it is told, and whose database would have so many files open and needs
// leastFiles. A quarter is for the database; of the rest three fifths are for connections
// that come, of which one third may wait for room, and an eighth for requests. What is
// left is for connections that go out, and for work in the background.
func Divide(limit, conns, requests, files, leastFiles int) Descriptors {
	d := Descriptors{Limit: limit, Conns: conns, Requests: requests, Files: files}
	if limit <= 0 {
		return d
	}
	left := max(limit-spareDescriptors, 16)
	d.Files = min(files, max(left/4, leastFiles))
	left = max(left-d.Files, 16)
	d.Conns = min(conns, left*2/5)
	d.Requests = min(requests, left/8)
	d.Short = d.Conns < conns || d.Requests < requests
	return d
}

// DescriptorProblem says that a process needs more descriptors than it may have. It last
// had none at the given time, zero for never. ok is false if all is well.
func DescriptorProblem(d Descriptors, ranOut time.Time) (p Problem, ok bool) {
	p = Problem{
		Name:   "descriptors",
		Remedy: "raise the limit of open files (ulimit -n, or LimitNOFILE= of a systemd unit), and start the node again",
	}
	switch {
	case time.Since(ranOut) < pressed:
		p.Message = "no more files can be opened, and connections are closed for those that must be"
	case d.Short:
		p.Message = fmt.Sprintf("only %d files may be open, so that there are %d connections and %d requests at once at most", d.Limit, d.Conns, d.Requests)
	default:
		return Problem{}, false
	}
	return p, true
}
