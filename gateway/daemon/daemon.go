package daemon

import (
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
)

//go:embed openapi.json
var openAPI []byte

// Options are choices for New. The zero value is Walrus's defaults.
type Options struct {
	MaxBlob          int64         // bytes of a blob that is stored; default 10 MiB
	MaxQuilt         int64         // bytes of a form that becomes a quilt; default 100 MiB
	MaxWrites        int           // that are served at once; default 8
	WaitingWrites    int           // that wait for their turn; default 8
	MaxReads         int           // that are served at once; default 256
	WaitingReads     int           // that wait for their turn; default 320
	Piece            uint64        // bytes of a range that is read before it is answered; longer ones are streamed; default 4 MiB
	MaxWhole         uint64        // bytes of a blob that is, too; default 4 MiB
	MaxShort         int64         // bytes of a blob that is held in memory while it is stored; default 4 MiB
	SpoolDir         string        // where longer ones are kept while they are stored; default os.TempDir
	MaxBodies        int64         // bytes of bodies in memory, as they come and until their turn ends; default 256 MiB, and two forms at least
	MaxSpool         int64         // bytes of them all; default 1 GiB, and MaxBlob at least
	Timeout          time.Duration // for nodes to do something, and a second more for each MiB; default 1 min
	AllowedHeaders   []string      // attributes of blobs and tags of files that become headers; default Walrus's
	AllTagsAsHeaders bool          // every tag of a file of a quilt becomes a header
	Auth             *Auth         // who may write; nil is everybody
	Blocked          Blocked       // which blobs are refused; nil is none
	NoReads          bool          // a publisher only
	NoWrites         bool          // an aggregator only
	Logger           *slog.Logger  // default drops all
}

// withDefaults returns the options with what is not said filled in, or which one is wrong.
func (o Options) withDefaults() (Options, error) {
	for _, n := range []struct {
		name  string
		value *int
		usual int
	}{
		{"MaxWrites", &o.MaxWrites, 8}, {"WaitingWrites", &o.WaitingWrites, 8},
		{"MaxReads", &o.MaxReads, 256}, {"WaitingReads", &o.WaitingReads, 320},
	} {
		if *n.value < 0 {
			return o, fmt.Errorf("daemon: %s is %d, want at least 0", n.name, *n.value)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	for _, n := range []struct {
		name  string
		value *int64
		usual int64
	}{{"MaxBlob", &o.MaxBlob, 10 << 20}, {"MaxShort", &o.MaxShort, 4 << 20}, {"MaxBodies", &o.MaxBodies, 256 << 20}, {"MaxSpool", &o.MaxSpool, 1 << 30}, {"MaxQuilt", &o.MaxQuilt, 100 << 20}, {"Timeout", (*int64)(&o.Timeout), int64(time.Minute)}} {
		if *n.value < 0 {
			return o, fmt.Errorf("daemon: %s is %d, want at least 0", n.name, *n.value)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	for _, size := range []*uint64{&o.Piece, &o.MaxWhole} {
		if *size == 0 {
			*size = 4 << 20
		}
	}
	if o.AllowedHeaders == nil {
		o.AllowedHeaders = []string{"content-type", "authorization", "content-disposition", "content-encoding", "content-language", "content-location", "link"}
	}
	if o.Auth != nil {
		auth, err := o.Auth.withDefaults()
		if err != nil {
			return o, err
		}
		o.Auth = &auth
	}
	if o.NoReads && o.NoWrites {
		return o, fmt.Errorf("daemon: NoReads and NoWrites leave nothing to do")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Daemon serves the API. It is an http.Handler; whoever serves it bounds connections, and
// how long they may be silent.
type Daemon struct {
	options       Options
	reader        *reader
	writer        *writer
	front         *front
	reads, writes *room // turns
	api           *walrusapi.Document
}

// New returns the API before a store. The error names a field of the options.
func New(store Store, o Options) (*Daemon, error) {
	if store == nil {
		return nil, fmt.Errorf("daemon: the store is nil")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Blocked != nil {
		store = blocking{store, o.Blocked}
	}
	reads, writes, bodies := newRoom(int64(o.MaxReads), o.WaitingReads), newRoom(int64(o.MaxWrites), o.WaitingWrites), newBodies(o)
	w := &writer{store: store, options: o, bodies: bodies, turns: writes, recent: new(recent)}
	if o.Auth != nil {
		w.gate = &gate{Auth: *o.Auth, used: make(map[string]int64)}
	}
	api, err := walrusapi.NewDocument(openAPI)
	if err != nil {
		return nil, err
	}
	return &Daemon{
		api: api, options: o, reader: newReader(store, bodies.of("aggregator"), reads, o), writer: w, front: &front{store: store, options: o, recent: w.recent},
		reads: reads, writes: writes,
	}, nil
}

// route is what is done with requests of one path.
type route struct {
	methods string // that it takes, with spaces between
	writes  bool
	body    bool // it has one, and takes its turn when that has come
	always  bool // it is served however many others are, and cannot fail
	do      func(w http.ResponseWriter, r *http.Request) error
}

// find returns the route of a path. Segments are told apart before they are decoded, so
// that there may be a slash in the name of a file.
func (d *Daemon) find(segments []string) *route {
	is := func(pattern string) bool {
		want := strings.Split(pattern, "/")
		if len(want) != len(segments) {
			return false
		}
		for i, s := range want {
			if s != segments[i] && s != "*" {
				return false
			}
		}
		return true
	}
	read := func(methods string, do func(w http.ResponseWriter, r *http.Request) error) *route {
		return &route{methods: methods, do: do}
	}
	write := func(methods string, do func(w http.ResponseWriter, r *http.Request) error) *route {
		return &route{methods: methods, writes: true, body: true, do: do}
	}
	always := func(answer http.HandlerFunc) *route {
		return &route{methods: "GET HEAD", always: true, do: func(w http.ResponseWriter, r *http.Request) error {
			answer(w, r)
			return nil
		}}
	}
	at := func(i int) string { return segments[i] }
	switch {
	case is("status"):
		return always(func(w http.ResponseWriter, _ *http.Request) { walrusapi.Text(w, http.StatusOK, "OK") })
	case is("v1/api"):
		return always(d.api.ServeHTTP)
	case is(""):
		return read("GET HEAD", d.front.getPage)
	case is("page.js"):
		return read("GET HEAD", d.front.getScript)
	case is("v1/cluster"):
		return read("GET HEAD", d.front.getCluster)
	case is("v1/blobs") && !d.options.NoWrites:
		return write("PUT", d.writer.putBlob)
	case is("v1/quilts") && !d.options.NoWrites:
		return write("PUT", d.writer.putQuilt)
	case is("v1/blobs/*/certificate") && !d.options.NoWrites:
		return write("PUT", func(w http.ResponseWriter, r *http.Request) error { return certifier{d.writer}.put(w, r, at(2)) })
	case is("v1/blob-upload-relay") && !d.options.NoWrites:
		return write("POST", relay{d.writer}.post)
	case is("v1/tip-config") && !d.options.NoWrites:
		return read("GET HEAD", relay{d.writer}.getTip)
	case d.options.NoReads:
		return nil
	case is("v1/blobs/by-object-id/*"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return d.reader.getObject(w, r, at(3)) })
	case is("v1/blobs/by-quilt-patch-id/*"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return quilts{d.reader}.getPatch(w, r, at(3)) })
	case is("v1/blobs/by-quilt-id/*/*"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error {
			return quilts{d.reader}.getFile(w, r, at(3), at(4))
		})
	case is("v1/blobs/*/byte-range"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return d.reader.getRange(w, r, at(2)) })
	case is("v1/blobs/*"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return d.reader.getBlob(w, r, at(2)) })
	case is("v1/quilts/*/patches"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return quilts{d.reader}.getPatches(w, r, at(2)) })
	case is("v1alpha/blobs/*/stream"):
		return read("GET HEAD", func(w http.ResponseWriter, r *http.Request) error { return d.reader.getStream(w, r, at(2)) })
	case is("v1alpha/blobs/concat"):
		return &route{methods: "GET HEAD POST", body: true, do: concats{d.reader}.get}
	}
	return nil
}

// segments returns the parts of a request's path between slashes, decoded.
func segments(u *url.URL) ([]string, error) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, s := range parts {
		var err error
		if parts[i], err = url.PathUnescape(s); err != nil {
			return nil, malformed(err.Error())
		}
	}
	return parts, nil
}

// ServeHTTP serves one request.
func (d *Daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	walrusapi.AllowOrigins(w)
	if walrusapi.Preflight(w, r) {
		return
	}
	parts, err := segments(r.URL)
	if err != nil {
		answerError(d.options.Logger, w, r, err)
		return
	}
	to := d.find(parts)
	if to == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if methods := strings.Fields(to.methods); !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if to.always {
		_ = to.do(w, r) // which has no error
		return
	}
	if err := d.serve(w, r, to); err != nil {
		answerError(d.options.Logger, w, r, err)
	}
}

// serve serves a request that is to have its turn.
func (d *Daemon) serve(w http.ResponseWriter, r *http.Request, to *route) error {
	switch {
	case to.writes && d.writes.full():
		return busy("publisher") // before it sends its body
	case to.body:
		return to.do(w, r)
	}
	paced, done, err := d.reader.turn(w, r)
	if err != nil {
		return err
	}
	defer done()
	return to.do(paced, r)
}
