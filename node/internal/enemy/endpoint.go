package enemy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/node/api"
)

// Endpoint is a kind of request, as package api lists them: a method and a pattern.
type Endpoint string

// The endpoints of a node.
const (
	Health                    = Endpoint("GET " + api.HealthPath)
	List                      = Endpoint("GET " + api.BlobsPath)
	Symbols                   = Endpoint("POST " + api.SymbolsPath)
	PutBatch                  = Endpoint("PUT " + api.BlobsPath)
	PutBlob                   = Endpoint("PUT " + ofBlob)
	Status                    = Endpoint("GET " + ofBlob + api.StatusPath)
	Metadata                  = Endpoint("GET " + ofBlob + api.MetadataPath)
	MetadataParts             = Endpoint("GET " + ofBlob + api.PartsPath)
	PutMetadata               = Endpoint("PUT " + ofBlob + api.MetadataPath)
	Slivers                   = Endpoint("GET " + ofBlob + api.SliversPath)
	Sliver                    = Endpoint("GET " + ofBlob + api.SliversPath + ofSliver)
	PutSliver                 = Endpoint("PUT " + ofBlob + api.SliversPath + ofSliver)
	Confirmation              = Endpoint("GET " + ofBlob + api.ConfirmationPath)
	Certificate               = Endpoint("GET " + ofBlob + api.CertificatePath)
	PutCertificate            = Endpoint("PUT " + ofBlob + api.CertificatePath)
	PutCertificates           = Endpoint("PUT " + api.CertificatesPath)
	RecoverySymbols           = Endpoint("GET " + ofBlob + api.RecoveryPath)
	DecodingSymbols           = Endpoint("GET " + ofBlob + api.DecodingPath)
	Proof                     = Endpoint("GET " + ofBlob + api.ProofPath)
	PutProof                  = Endpoint("PUT " + ofBlob + api.ProofPath)
	InvalidBlobCertificate    = Endpoint("GET " + ofBlob + api.InvalidBlobCertificatePath)
	PutInvalidBlobCertificate = Endpoint("PUT " + ofBlob + api.InvalidBlobCertificatePath)
)

const (
	ofBlob   = api.BlobsPath + "/{id}"
	ofSliver = "/{pair}/{axis}"
)

// Endpoints returns all endpoints.
func Endpoints() []Endpoint {
	return []Endpoint{
		Health, List, Symbols, PutBatch, PutBlob, Status, Metadata, MetadataParts, PutMetadata, Slivers, Sliver, PutSliver, Confirmation,
		Certificate, PutCertificate, PutCertificates, RecoverySymbols, DecodingSymbols, Proof, PutProof, InvalidBlobCertificate, PutInvalidBlobCertificate,
	}
}

// EndpointOf returns the endpoint of a request, and "" for a request that is of none.
func EndpointOf(r *http.Request) Endpoint {
	e := Endpoint(r.Method + " " + r.URL.Path)
	if rest, ok := strings.CutPrefix(r.URL.Path, api.BlobsPath+"/"); ok {
		_, rest, below := strings.Cut(rest, "/")
		if below {
			rest = "/" + rest
		}
		if strings.HasPrefix(rest, api.SliversPath+"/") {
			rest = api.SliversPath + ofSliver
		}
		e = Endpoint(r.Method + " " + ofBlob + rest)
	}
	if slices.Contains(Endpoints(), e) {
		return e
	}
	return ""
}
