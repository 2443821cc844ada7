package ambassador

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Store is where published ports are announced, for everybody. An entry that
// is not renewed in time goes away by itself.
type Store interface {
	Put(ctx context.Context, e Entry, life time.Duration) error
	Remove(ctx context.Context, e Entry) error
	List(ctx context.Context, project string) ([]Entry, error)
	Close() error
}

// An Entry says that a service can be reached at an address.
type Entry struct {
	Project, Service string
	Private          int    // port inside the container
	Address          string // host:port for everybody
}

const (
	keyPrefix  = "ambassadors"
	maxEntries = 10_000
	storeTime  = 5 * time.Second // one call to a store
)

// key is ambassadors/project/service/private/host:port.
func (e Entry) key() string {
	return fmt.Sprintf("%s/%s/%s/%d/%s", keyPrefix, e.Project, e.Service, e.Private, e.Address)
}

func entryOf(key string) (Entry, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != keyPrefix {
		return Entry{}, false
	}
	private, err := strconv.Atoi(parts[3])
	_, _, splitting := net.SplitHostPort(parts[4])
	if err != nil || splitting != nil {
		return Entry{}, false
	}
	return Entry{Project: parts[1], Service: parts[2], Private: private, Address: parts[4]}, true
}

// OpenStore connects to redis://host:port or etcd://host:port. Nothing is
// dialed yet.
func OpenStore(address string) (Store, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a store: write redis://host:6379 or etcd://host:2379", address)
	}
	switch u.Scheme {
	case "redis", "rediss":
		o, err := redis.ParseURL(address)
		if err != nil {
			return nil, err
		}
		o.Protocol, o.DisableIdentity = 2, true
		return redisStore{redis.NewClient(o)}, nil
	case "etcd":
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), "2379")
		}
		return &etcdStore{base: "http://" + u.Host, http: &http.Client{Transport: &http.Transport{}, Timeout: storeTime}, leases: map[string]string{}}, nil
	}
	return nil, fmt.Errorf("%q is neither redis:// nor etcd://", address)
}

type redisStore struct{ client *redis.Client }

func (s redisStore) Put(ctx context.Context, e Entry, life time.Duration) error {
	return s.client.Set(ctx, e.key(), "", life).Err()
}

func (s redisStore) Remove(ctx context.Context, e Entry) error {
	return s.client.Del(ctx, e.key()).Err()
}

func (s redisStore) List(ctx context.Context, project string) ([]Entry, error) {
	var entries []Entry
	keys := s.client.Scan(ctx, 0, glob(keyPrefix+"/"+project+"/")+"*", 500).Iterator()
	for keys.Next(ctx) && len(entries) < maxEntries {
		if e, ok := entryOf(keys.Val()); ok {
			entries = append(entries, e)
		}
	}
	return entries, keys.Err()
}

// glob makes a text match nothing but itself.
func glob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}

func (s redisStore) Close() error { return s.client.Close() }

// etcdStore speaks etcd's JSON over HTTP. Each entry has a lease of its own.
type etcdStore struct {
	base   string
	http   *http.Client
	leases map[string]string // by key
}

func (s *etcdStore) Put(ctx context.Context, e Entry, life time.Duration) error {
	if lease := s.leases[e.key()]; lease != "" {
		var alive struct{ Result struct{ TTL string } }
		err := s.call(ctx, "/v3/lease/keepalive", map[string]any{"ID": lease}, &alive)
		if err == nil && alive.Result.TTL != "" && alive.Result.TTL != "0" {
			return nil
		}
		delete(s.leases, e.key())
	}
	var granted struct{ ID string }
	if err := s.call(ctx, "/v3/lease/grant", map[string]any{"TTL": int(life.Seconds())}, &granted); err != nil {
		return err
	}
	put := map[string]any{"key": []byte(e.key()), "value": []byte("-"), "lease": granted.ID}
	if err := s.call(ctx, "/v3/kv/put", put, nil); err != nil {
		return err
	}
	s.leases[e.key()] = granted.ID
	return nil
}

func (s *etcdStore) Remove(ctx context.Context, e Entry) error {
	delete(s.leases, e.key())
	return s.call(ctx, "/v3/kv/deleterange", map[string]any{"key": []byte(e.key())}, nil)
}

func (s *etcdStore) List(ctx context.Context, project string) ([]Entry, error) {
	begin := keyPrefix + "/" + project + "/"
	end := begin[:len(begin)-1] + "0" // the character after the slash
	var found struct{ Kvs []struct{ Key string } }
	err := s.call(ctx, "/v3/kv/range", map[string]any{"key": []byte(begin), "range_end": []byte(end), "keys_only": true, "limit": maxEntries}, &found)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, kv := range found.Kvs {
		key, err := base64.StdEncoding.DecodeString(kv.Key)
		if err != nil {
			return nil, err
		}
		if e, ok := entryOf(string(key)); ok {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func (s *etcdStore) Close() error { s.http.CloseIdleConnections(); return nil }

// call sends one request; byte slices travel as base64, as etcd wants them.
func (s *etcdStore) call(ctx context.Context, path string, ask, answer any) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("etcd says: " + strings.TrimSpace(string(text[:min(len(text), 500)])))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
