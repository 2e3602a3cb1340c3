package httpd

// Descriptors is how the file descriptors of a process are divided.
type Descriptors struct {
	Limit    int // of the process; 0 if it is not known
	Conns    int // connections to it
	Requests int // requests at once, each of which may have a file open
	Files    int // files that its database keeps open
}

// spareDescriptors are for what is there always: logs, listeners, locks, journals.
const spareDescriptors = 24

// Divide divides limit descriptors for a process that would serve as many connections
// and requests as it is told, and would keep so many files open. Half are for connections
// that come, an eighth for requests, a quarter for the database; the rest is for
// connections that go out, and for work in the background.
func Divide(limit, conns, requests, files int) Descriptors {
	d := Descriptors{Limit: limit, Conns: conns, Requests: requests, Files: files}
	if limit <= 0 {
		return d
	}
	left := max(limit-spareDescriptors, 16)
	d.Conns = min(conns, left/2)
	d.Requests = min(requests, left/8)
	d.Files = min(files, left/4)
	return d
}
