package walrusapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed document.html
var documentPage string

// Document is what an API is: a document in OpenAPI 3.1, and a page of it for people.
type Document struct{ text, page []byte }

// Description is what of an API's document its page shows.
type Description struct {
	Info       struct{ Title, Description string }
	Paths      map[string]map[string]Operation
	Components struct{ Parameters map[string]Parameter }
}

// Operation is one that an API has.
type Operation struct {
	Summary, Description string
	Parameters           []Parameter
	Responses            map[string]any // by status
}

// Parameter is one of an operation.
type Parameter struct {
	Ref                   string `json:"$ref"`
	Name, In, Description string
	Required              bool
}

// NewDocument returns the document of an API. The error says that the text is none.
func NewDocument(openAPI []byte) (*Document, error) {
	d, err := Describe(openAPI)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{"upper": strings.ToUpper}).Parse(documentPage)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, d)
	return &Document{openAPI, b.Bytes()}, err
}

// Describe reads an API's document. Each parameter that is a reference is replaced by what it
// refers to.
func Describe(openAPI []byte) (*Description, error) {
	var d Description
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return nil, fmt.Errorf("walrusapi: no OpenAPI document: %w", err)
	}
	for _, methods := range d.Paths {
		for _, o := range methods {
			for i, p := range o.Parameters {
				if p.Ref != "" {
					o.Parameters[i] = d.Components.Parameters[path.Base(p.Ref)]
				}
			}
		}
	}
	return &d, nil
}

// ServeHTTP answers the page, or the document where that is what the client accepts.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, kind := d.page, "text/html; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		text, kind = d.text, "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // whoever does not read it has gone
	}
}
