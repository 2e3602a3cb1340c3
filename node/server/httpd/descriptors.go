package httpd

// Descriptors is how the file descriptors of a process are divided.
type Descriptors struct {
	Limit    int // of the process; 0 if it is not known
	Conns    int // connections to it; half as many more may wait for room
	Requests int // requests at once, each of which may have a file open
	Files    int // files that its database keeps open
}

// spareDescriptors are for what is there always: logs, listeners, locks, journals.
const spareDescriptors = 24

// Divide divides limit descriptors for a process that would serve as many connections
// and requests as it is told, and whose database would have so many files open and needs
// leastFiles. A quarter is for the database; of the rest three fifths are for connections
// that come, of which one third may wait for room, and an eighth for requests. What is left is for connections that go out, and
// for work in the background.
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
	return d
}
