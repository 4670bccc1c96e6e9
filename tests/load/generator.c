/* generator: puts load on a chat server, and checks every copy of every message.
 *
 *     generator --mode talk|churn|idle --dialect slash|irc|tutorial|redis --port PORT... [--pid PID...]
 *
 *   talk   people in channels; a measurement for each --rate: messages per second, or 0, as fast
 *          as it goes with --window messages under way, or -1, nobody says anything
 *   churn  connect, take a nick, join, part, quit, over and over; --repetitions measurements
 *   idle   people who took a nick and do nothing: what one costs in memory
 *
 * One thread, one epoll, Linux only (epoll_pwait2, /proc). All traffic stays on 127.0.0.1. Each
 * measurement is a line of JSON on standard output; what went wrong is said on standard error, and
 * status 2 means that there's no measurement at all.
 *
 * A message is `@@SENDER.NUMBER.TIME@@` (TIME: when it was to be sent, in ns of CLOCK_MONOTONIC),
 * filled up with x to --size bytes. Number 0 is a probe: before anything is measured, everybody
 * has heard everybody who talks in their channel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 64              /* ports, pids, rates, lists of capabilities */
#define SECOND 1000000000ull /* in ns, as all times here */
#define READ_SIZE (1u << 20)
#define MOST_TEXT 2000 /* bytes of --size; IRC alone bounds a line, by less */
#define CHURNED_CHANNELS 16
#define PATIENCE (10 * SECOND) /* so long may a step, or the next copy, take */

enum mode { TALK, CHURN, IDLE };

/* What a person is at. Those who only talk go from JOIN to READY, those who churn to PART. */
enum step { CLOSED, CONNECT, NICK, JOIN, READY, PART, QUIT };

struct bytes {
    char *data;
    size_t length, room;
};

/* What one person has heard of another. `seen`: bit i is set if number `next - 1 - i` has come. */
struct track {
    uint32_t next, missing;
    uint64_t seen;
    bool probed;
};

struct person {
    int fd, port;
    enum step step;
    bool dirty;   /* has something to send at the end of this turn */
    bool blocked; /* the socket takes no more; epoll will tell */
    uint64_t began;
    struct bytes in, out;
    char nick[16], channel[16];
    const char *caps; /* IRC: the capabilities that they ask for; empty: none */
    bool echo, tagged; /* they read what they say themselves; what they read has tags */
    int group;            /* the channel's number */
    struct track *tracks; /* one for each who talks in the channel */
    bool witness;         /* whose copy counts when the window moves on */
    bool named;           /* redis: the push that is being read names the right channel */

    /* of those who talk */
    int voice; /* their number among those who talk in the channel; -1: listens only */
    uint32_t said, earlier; /* messages; those of the measurements before this one */
    uint32_t probes;        /* copies of their probe */
    int copies, witnesses;  /* of one message */
    uint16_t *witnessed;    /* a ring: witnesses so far of each message under way */
    char head[40], tail[40]; /* with what a line of theirs begins, and what stands before the text */
};

struct dialect {
    const char *name;
    bool echo;  /* people read what they say themselves, whatever they ask for */
    bool names; /* people have nicks, and are in channels */
    void (*ask)(struct person *);                                 /* do the step */
    bool (*answers)(struct person *, const char *line, size_t n); /* is the step done? */
    void (*say)(struct person *, const char *text, int n);
    void (*introduce)(struct person *); /* fill in head and tail */
};

/* What is asked for. */
static enum mode mode = TALK;
static const struct dialect *dialect;
static int ports[MOST], port_count;
static pid_t pids[MOST];
static int pid_count;
static double rates[MOST];
static int rate_count;
static int channels = 1, members = 50, senders = 4, bystanders, aside;
static int window = 64, size = 100, parallel = 50, sessions = 1000, repetitions = 1;
static double seconds = 1.5;
static bool all_witness;
static const char *oper;
static const char *caps[MOST];
static int caps_count;

/* What there is. */
static struct person *people, **dirty;
static int people_count, dirty_count;
static int poller;
static char *reading;
static uint32_t ring; /* size of `witnessed`, a power of two */
static char padding[MOST_TEXT];

/* What was counted. */
static int ready_count;
static uint64_t heard_at; /* when something was last received */
static uint64_t sent, under_way, deliveries, cycles;
static uint64_t doubled, reordered, misplaced, dead, probes;
static uint64_t complaints;

/* -- small things --------------------------------------------------------------------------- */

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static double since(uint64_t then) { return (now() - then) / (double)SECOND; }

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

/* Say what a server said that it shouldn't have; the first few times are enough. */
static void complain(const struct person *p, const char *line, size_t n) {
    if (complaints++ < 5) fprintf(stderr, "%s read: %.*s\n", p->nick, (int)n, line);
}

static void *zeroed(size_t count, size_t each) {
    void *memory = calloc(count ? count : 1, each);
    if (!memory) give_up("out of memory");
    return memory;
}

static void append(struct bytes *b, const char *data, size_t n) {
    if (b->length + n > b->room) {
        b->room = (b->length + n) * 2;
        b->data = realloc(b->data, b->room);
        if (!b->data) give_up("out of memory");
    }
    memcpy(b->data + b->length, data, n);
    b->length += n;
}

static bool is(const char *line, size_t n, const char *wanted) {
    return n == strlen(wanted) && !memcmp(line, wanted, n);
}

static bool begins(const char *line, size_t n, const char *wanted) {
    size_t k = strlen(wanted);
    return n >= k && !memcmp(line, wanted, k);
}

static bool ends(const char *line, size_t n, const char *wanted) {
    size_t k = strlen(wanted);
    return n >= k && !memcmp(line + n - k, wanted, k);
}

/* xorshift, from the same seed each time: who talks next. */
static uint32_t draw(uint32_t below) {
    static uint64_t x = 88172645463325252ull;
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return (uint32_t)((x >> 11) % below);
}

/* -- latencies: 64 steps to each power of two ----------------------------------------------- */

#define STEPS 64
static uint64_t histogram[STEPS * 60], latencies;

static int bucket(uint64_t ns) {
    if (ns < STEPS) return (int)ns;
    int power = 63 - __builtin_clzll(ns);
    return (power - 5) * STEPS + (int)((ns >> (power - 6)) & (STEPS - 1));
}

static void note_latency(uint64_t from, uint64_t to) {
    histogram[bucket(to > from ? to - from : 0)]++;
    latencies++;
}

/* In ms, such that this share of all is below. */
static double quantile(double share) {
    uint64_t below = 0, wanted = (uint64_t)(share * latencies);
    int i = 0;
    if (!latencies) return 0;
    while (i < STEPS * 60 - 1 && (below += histogram[i]) <= wanted) i++;
    if (i < STEPS) return i / 1e6;
    int power = i / STEPS + 5;
    return ((1ull << power) + ((uint64_t)(i % STEPS) << (power - 6))) / 1e6;
}

/* -- what the servers cost, from /proc ------------------------------------------------------- */

/* CPU time of all threads of a process, in us: exact, where /proc/PID/stat counts in 10 ms. */
static double cpu_time(pid_t pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) return 0;
    double sum = 0;
    for (struct dirent *task; (task = readdir(tasks));) {
        if (task->d_name[0] == '.') continue;
        unsigned long long ns = 0;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        if (fscanf(file, "%llu", &ns) == 1) sum += ns / 1e3;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* Bytes that a process holds in memory. */
static double memory(pid_t pid) {
    char path[40];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * sysconf(_SC_PAGESIZE);
}

static double all_memory(void) {
    double sum = 0;
    for (int i = 0; i < pid_count; i++) sum += memory(pids[i]);
    return sum;
}

static double cpu_before[MOST];

static void note_cpu(void) {
    for (int i = 0; i < pid_count; i++) cpu_before[i] = cpu_time(pids[i]);
}

/* CPU time of this program, in seconds. */
static double own_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* -- connections ------------------------------------------------------------------------------ */

static void put(struct person *p, const char *data, size_t n) {
    if (p->fd < 0) return;
    append(&p->out, data, n);
    if (!p->dirty) {
        p->dirty = true;
        dirty[dirty_count++] = p;
    }
}

__attribute__((format(printf, 2, 3))) static void putf(struct person *p, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put(p, line, (size_t)n);
}

static void watch(struct person *p, bool blocked) {
    if (p->blocked == blocked) return;
    p->blocked = blocked;
    struct epoll_event e = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = p};
    epoll_ctl(poller, EPOLL_CTL_MOD, p->fd, &e);
}

static void close_person(struct person *p) {
    if (p->step == CLOSED) return;
    if (p->step == READY) ready_count--;
    close(p->fd);
    p->fd = -1;
    p->step = CLOSED;
    p->in.length = p->out.length = 0;
}

/* The connection is gone, or the step takes too long: the end of a cycle, or a loss. */
static void lose(struct person *p, const char *why) {
    if (p->step == QUIT && !*why) {
        cycles++;
        note_latency(p->began, now());
    } else {
        dead++;
        if (dead <= 3)
            fprintf(stderr, "%s is lost at step %d: %s\n", p->nick, p->step, *why ? why : "closed");
    }
    close_person(p);
}

static void flush(struct person *p) {
    size_t done = 0;
    while (done < p->out.length) {
        ssize_t n = send(p->fd, p->out.data + done, p->out.length - done,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) break; /* full, or gone: reading will tell */
        done += (size_t)n;
    }
    memmove(p->out.data, p->out.data + done, p->out.length - done);
    p->out.length -= done;
    watch(p, p->out.length > 0);
}

static void flush_all(void) {
    for (int i = 0; i < dirty_count; i++) {
        struct person *p = dirty[i];
        p->dirty = false;
        if (p->fd >= 0 && p->step != CONNECT && !p->blocked && p->out.length) flush(p);
    }
    dirty_count = 0;
}

static void begin(struct person *p) {
    static uint32_t nicks;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) give_up("no socket: %s", strerror(errno));
    int on = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    snprintf(p->nick, sizeof p->nick, "n%06u", nicks++);
    if (mode == TALK) dialect->introduce(p);
    p->step = CONNECT;
    p->blocked = true;
    p->began = now();
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)p->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(p->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        give_up("can't connect to port %d: %s", p->port, strerror(errno));
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = p};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, p->fd, &e) < 0) give_up("epoll: %s", strerror(errno));
}

/* The step is done; on to the next. */
static void advance(struct person *p) {
    static const enum step next[3][QUIT + 1] = {
        [TALK] = {[CONNECT] = NICK, [NICK] = JOIN, [JOIN] = READY},
        [CHURN] = {[CONNECT] = NICK, [NICK] = JOIN, [JOIN] = PART, [PART] = QUIT},
        [IDLE] = {[CONNECT] = NICK, [NICK] = READY},
    };
    p->step = dialect->names || mode == CHURN ? next[mode][p->step] : READY;
    if (p->step == READY)
        ready_count++;
    else
        dialect->ask(p);
}

/* -- dialects --------------------------------------------------------------------------------- */

/* What you type into nc: docs/line-protocol.md. */

static void slash_ask(struct person *p) {
    switch (p->step) {
    case NICK: putf(p, "/nick %s\r\n", p->nick); break;
    case JOIN: putf(p, "/join %s\r\n", p->channel); break;
    case PART: putf(p, "/leave %s\r\n", p->channel); break;
    default: putf(p, "/quit\r\n");
    }
}

static bool slash_answers(struct person *p, const char *line, size_t n) {
    char wanted[80];
    if (begins(line, n, "error: ") || begins(line, n, "notice: ") || begins(line, n, "gap: ") ||
        (begins(line, n, "closing: ") && p->step != QUIT))
        complain(p, line, n);
    switch (p->step) {
    case NICK:
        snprintf(wanted, sizeof wanted, " is changing nick to %s", p->nick);
        return ends(line, n, wanted);
    case JOIN:
        snprintf(wanted, sizeof wanted, "%s has joined the channel %s", p->nick, p->channel);
        return is(line, n, wanted);
    case PART:
        snprintf(wanted, sizeof wanted, "%s has left the channel %s", p->nick, p->channel);
        return is(line, n, wanted);
    default: return false;
    }
}

static void slash_say(struct person *p, const char *text, int n) {
    putf(p, "/msg %s %.*s\r\n", p->channel, n, text);
}

static void slash_introduce(struct person *p) {
    snprintf(p->head, sizeof p->head, "[%s] <%s", p->channel, p->nick);
    strcpy(p->tail, "> ");
}

/* IRC, as RFC 2812 has it. */

static void irc_ask(struct person *p) {
    switch (p->step) {
    case NICK:
        if (*p->caps) putf(p, "CAP REQ :%s\r\n", p->caps);
        putf(p, "NICK %s\r\nUSER %s 0 * :load\r\n", p->nick, p->nick);
        if (*p->caps) putf(p, "CAP END\r\n");
        break;
    case JOIN:
        /* ngIRCd lets only operators with the mode F talk as fast as they like */
        if (oper && p->voice >= 0) putf(p, "OPER %s\r\nMODE %s +F\r\n", oper, p->nick);
        putf(p, "JOIN %s\r\n", p->channel);
        break;
    case PART: putf(p, "PART %s\r\n", p->channel); break;
    default: putf(p, "QUIT :bye\r\n");
    }
}

static bool irc_answers(struct person *p, const char *line, size_t n) {
    if (begins(line, n, "PING ")) {
        putf(p, "PONG %.*s\r\n", (int)n - 5, line + 5);
        return false;
    }
    if (begins(line, n, "ERROR") && p->step != QUIT) complain(p, line, n);
    const char *word = memchr(line, ' ', n);
    if (!word || p->step == READY) return false;
    size_t left = n - (size_t)(++word - line);
    if (left > 4 && word[0] == '4' && word[3] == ' ' && !begins(word, left, "422"))
        complain(p, line, n); /* an error; 422 says that there's no message of the day */
    switch (p->step) {
    case NICK: return begins(word, left, "001 ");
    case JOIN: return begins(word, left, "366 ");
    case PART: return begins(word, left, "PART ") && begins(line + 1, n - 1, p->nick);
    default: return false;
    }
}

static void irc_say(struct person *p, const char *text, int n) {
    putf(p, "PRIVMSG %s :%.*s\r\n", p->channel, n, text);
}

static void irc_introduce(struct person *p) {
    snprintf(p->head, sizeof p->head, ":%s!", p->nick);
    snprintf(p->tail, sizeof p->tail, " PRIVMSG %s :", p->channel);
}

/* The tutorial's server sends any line that looks like a command to everybody, as it is. There's
 * nothing to wait for before one talks; who churns waits for the echo of each command. */

static void tutorial_ask(struct person *p) {
    switch (p->step) {
    case NICK: putf(p, "/nick %s\r\n", p->nick); break;
    case JOIN: putf(p, "/join %s\r\n", p->nick); break;
    case PART: putf(p, "/leave %s\r\n", p->nick); break;
    default: shutdown(p->fd, SHUT_WR); /* it knows no way to quit */
    }
}

static bool tutorial_answers(struct person *p, const char *line, size_t n) {
    const char *const words[QUIT + 1] = {[NICK] = "/nick ", [JOIN] = "/join ", [PART] = "/leave "};
    const char *word = words[p->step];
    return word && begins(line, n, word) && ends(line, n, p->nick);
}

static void tutorial_say(struct person *p, const char *text, int n) {
    putf(p, "/msg %.*s\r\n", n, text);
}

static void tutorial_introduce(struct person *p) { strcpy(p->head, "/msg "); }

/* Redis itself, with RESP3: there a connection that subscribes may publish too. A push is read
 * line by line: `>3`, `$7`, `message`, `$LENGTH`, the channel, `$LENGTH`, the text. */

static void redis_ask(struct person *p) {
    switch (p->step) {
    case NICK: putf(p, "HELLO 3\r\n"); break;
    case JOIN: putf(p, "SUBSCRIBE %s\r\n", p->channel); break;
    case PART: putf(p, "UNSUBSCRIBE %s\r\n", p->channel); break;
    default: putf(p, "QUIT\r\n");
    }
}

static bool redis_answers(struct person *p, const char *line, size_t n) {
    if (line[0] != '$') p->named = is(line, n, p->channel);
    if (line[0] == '-') complain(p, line, n);
    switch (p->step) {
    case NICK: return is(line, n, "proto"); /* a key in what HELLO answers */
    case JOIN: return is(line, n, "subscribe");
    case PART: return is(line, n, "unsubscribe");
    default: return false;
    }
}

static void redis_say(struct person *p, const char *text, int n) {
    putf(p, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%d\r\n%.*s\r\n", strlen(p->channel), p->channel,
         n, n, text);
}

static void redis_introduce(struct person *p) { p->head[0] = 0; }

static const struct dialect dialects[] = {
    {"slash", false, true, slash_ask, slash_answers, slash_say, slash_introduce},
    {"irc", false, true, irc_ask, irc_answers, irc_say, irc_introduce},
    {"tutorial", true, false, tutorial_ask, tutorial_answers, tutorial_say, tutorial_introduce},
    {"redis", true, true, redis_ask, redis_answers, redis_say, redis_introduce},
};

/* -- messages --------------------------------------------------------------------------------- */

static void say(struct person *p, uint32_t number, uint64_t when) {
    char text[MOST_TEXT + 80];
    int n = sprintf(text, "@@%d.%u.%llu@@", (int)(p - people), number, (unsigned long long)when);
    if (n < size) memcpy(text + n, padding, (size_t)(size - n));
    dialect->say(p, text, n < size ? size : n);
}

static void say_next(struct person *p, uint64_t when) {
    p->said++;
    p->witnessed[p->said & (ring - 1)] = 0;
    sent++;
    under_way++;
    say(p, p->said, when);
}

/* A copy of a message has come to p. */
static void deliver(struct person *p, struct person *from, uint32_t number, uint64_t when) {
    struct track *t = &p->tracks[from->voice];
    if (number == 0) {
        if (!t->probed) {
            t->probed = true;
            from->probes++;
            probes++;
        }
        return;
    }
    if (number <= from->earlier) { /* it was given up in the measurement that it belongs to */
        reordered++;
        return;
    }
    if (number >= t->next) {
        uint32_t skipped = number - t->next;
        t->missing += skipped;
        t->seen = (skipped < 63 ? t->seen << (skipped + 1) : 0) | 1;
        t->next = number + 1;
    } else {
        uint32_t back = t->next - 1 - number;
        if (back < 64 ? t->seen >> back & 1 : !t->missing) {
            doubled++;
            return;
        }
        if (back < 64) t->seen |= 1ull << back;
        t->missing--;
        reordered++;
    }
    deliveries++;
    note_latency(when, heard_at);
    if (p->witness && ++from->witnessed[number & (ring - 1)] == from->witnesses) under_way--;
}

/* Read digits up to a character; false if there's anything else. */
static bool number(const char **at, const char *end, char stop, uint64_t *value) {
    const char *c = *at;
    for (*value = 0; c < end && *c >= '0' && *c <= '9'; c++) *value = *value * 10 + (*c - '0');
    bool good = c < end && c > *at && *c == stop;
    *at = c + 1;
    return good;
}

/* Is the line a message? Then it's counted. */
static bool hear_message(struct person *p, const char *line, size_t n) {
    const char *end = line + n, *text = memmem(line, n, "@@", 2), *at;
    if (!text || !p->tracks) return false;
    uint64_t who, nth, when;
    at = text + 2;
    if (!number(&at, end, '.', &who) || !number(&at, end, '.', &nth) ||
        !number(&at, end, '@', &when) || who >= (uint64_t)people_count)
        return false;
    struct person *from = &people[who];
    size_t before = (size_t)(text - line);
    if (from->voice < 0 || from->group != p->group || (from == p && !p->echo) ||
        end - text != size || !begins(line, before, from->head) ||
        !ends(line, before, from->tail) || (dialect->say == redis_say && !p->named)) {
        misplaced++;
        complain(p, line, n);
        return true;
    }
    deliver(p, from, (uint32_t)nth, when);
    return true;
}

static void hear(struct person *p, const char *line, size_t n) {
    if (p->tagged && line[0] == '@') {
        const char *space = memchr(line, ' ', n);
        if (!space) return;
        n -= (size_t)(space + 1 - line);
        line = space + 1;
    } else if (p->tagged && p->step == READY && memmem(line, n, "@@", 2)) {
        misplaced++;
        complain(p, line, n);
        return;
    }
    if (mode == TALK && hear_message(p, line, n)) return;
    if (dialect->answers(p, line, n)) advance(p);
}

/* -- the loop --------------------------------------------------------------------------------- */

static void receive(struct person *p) {
    size_t kept = p->in.length;
    memcpy(reading, p->in.data ? p->in.data : "", kept);
    ssize_t n = recv(p->fd, reading + kept, READ_SIZE - kept, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        lose(p, n < 0 ? strerror(errno) : "");
        return;
    }
    heard_at = now();
    char *line = reading, *end = reading + kept + n, *stop;
    while (line < end && (stop = memchr(line, '\n', (size_t)(end - line)))) {
        size_t length = (size_t)(stop - line);
        if (length && line[length - 1] == '\r') length--;
        if (length) hear(p, line, length);
        line = stop + 1;
    }
    p->in.length = 0;
    if (line < end) append(&p->in, line, (size_t)(end - line));
    if (p->in.length == READ_SIZE) give_up("a line without an end");
}

static void connected(struct person *p) {
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        lose(p, strerror(error));
        return;
    }
    watch(p, false);
    advance(p);
}

/* One turn: send, wait for at most so many ns, receive. */
static void turn(uint64_t wait) {
    struct epoll_event events[512];
    struct timespec most = {(time_t)(wait / SECOND), (long)(wait % SECOND)};
    flush_all();
    int n = epoll_pwait2(poller, events, 512, &most, NULL);
    if (n < 0 && errno != EINTR) give_up("epoll: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        struct person *p = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) {
            if (p->step == CONNECT)
                connected(p);
            else if (p->fd >= 0)
                flush(p);
        }
        if (p->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(p);
    }
    flush_all();
}

/* Wait until nothing has come for a while. */
static void settle(double quiet, double most) {
    uint64_t began = heard_at = now();
    while (since(heard_at) < quiet && since(began) < most) turn(SECOND / 100);
}

/* -- before the measurement ------------------------------------------------------------------- */

static void connect_all(void) {
    int opened = 0, last = 0;
    uint64_t progress = now();
    while (ready_count < people_count) {
        while (opened < people_count && opened - ready_count < parallel) begin(&people[opened++]);
        turn(SECOND / 200);
        if (dead) give_up("%llu connections were lost at the start", (unsigned long long)dead);
        if (ready_count > last) last = ready_count, progress = now();
        if (now() - progress > 3 * PATIENCE)
            give_up("only %d of %d came in", ready_count, people_count);
    }
}

/* Everybody hears everybody who talks in their channel, or it's tried again. */
static void probe(void) {
    uint64_t wanted = 0, began = now();
    for (int i = 0; i < people_count; i++)
        if (people[i].voice >= 0) wanted += (uint64_t)people[i].copies;
    while (probes < wanted) {
        int burst = 0;
        for (int i = 0; i < people_count; i++) {
            struct person *p = &people[i];
            if (p->voice < 0 || p->probes >= (uint32_t)p->copies) continue;
            say(p, 0, now());
            if (++burst % 64 == 0) turn(SECOND / 1000);
        }
        for (uint64_t asked = now(); probes < wanted && since(asked) < 1;) turn(SECOND / 200);
        if (now() - began > 3 * PATIENCE)
            give_up("only %llu of %llu probes arrived", (unsigned long long)probes,
                    (unsigned long long)wanted);
    }
    settle(0.3, 20);
}

/* -- measurements ----------------------------------------------------------------------------- */

static void reset(void) {
    memset(histogram, 0, sizeof histogram);
    latencies = sent = under_way = deliveries = cycles = 0;
    doubled = reordered = misplaced = dead = 0;
    for (int i = 0; i < people_count; i++) people[i].earlier = people[i].said;
    note_cpu();
}

static void report(uint64_t done, double lasted, double cost, uint64_t lost, double busy) {
    printf("{\"done\":%llu,\"seconds\":%.4f,\"cost\":%.4f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"lost\":%llu,\"doubled\":%llu,\"reordered\":%llu,\"misplaced\":%llu,\"dead\":%llu,"
           "\"busy\":%.2f,\"cpu_us\":[",
           (unsigned long long)done, lasted, cost, quantile(0.5), quantile(0.99),
           (unsigned long long)lost, (unsigned long long)doubled, (unsigned long long)reordered,
           (unsigned long long)misplaced, (unsigned long long)dead, busy);
    for (int i = 0; i < pid_count; i++)
        printf("%s%.0f", i ? "," : "", cpu_time(pids[i]) - cpu_before[i]);
    printf("]}\n");
    fflush(stdout);
}

static double all_cpu(void) {
    double sum = 0;
    for (int i = 0; i < pid_count; i++) sum += cpu_time(pids[i]) - cpu_before[i];
    return sum;
}

static void talk(double rate) {
    int talkers = channels * senders;
    struct person **voices = zeroed((size_t)talkers, sizeof *voices);
    for (int i = 0, k = 0; i < people_count; i++)
        if (people[i].voice >= 0) voices[k++] = &people[i];
    reset();
    uint64_t expected = 0, moved = 0, began = now(), moved_at = began, due = began;
    double gap = rate > 0 ? SECOND / rate : 0, own = own_cpu();
    heard_at = began;
    for (;;) {
        uint64_t time = now(), wait = SECOND / 500;
        if (time - began < (uint64_t)(seconds * SECOND)) {
            while (rate > 0 ? due <= time : rate == 0 && under_way < (uint64_t)window) {
                struct person *p = voices[draw((uint32_t)talkers)];
                say_next(p, rate > 0 ? due : time);
                expected += (uint64_t)p->copies;
                due = began + (uint64_t)(gap * sent);
            }
            if (rate > 0 && due - time < wait) wait = due - time;
        } else if (deliveries >= expected)
            break;
        if (deliveries != moved || rate < 0) moved = deliveries, moved_at = time;
        if (time - moved_at > PATIENCE) {
            fprintf(stderr, "no copy came for %llu seconds\n", PATIENCE / SECOND);
            break;
        }
        turn(wait);
    }
    double lasted = rate < 0 ? since(began) : (heard_at - began) / (double)SECOND;
    double busy = (own_cpu() - own) / lasted;
    settle(0.2, 5); /* what comes double may come late */
    report(deliveries, lasted, deliveries ? all_cpu() / deliveries : 0, expected - deliveries,
           busy);
    free(voices);
}

static void churn(void) {
    reset();
    uint64_t began = now();
    double own = own_cpu();
    int live;
    do {
        bool more = since(began) < seconds;
        uint64_t time = now();
        live = 0;
        for (int i = 0; i < people_count; i++) {
            struct person *p = &people[i];
            if (p->step == CLOSED && more) begin(p);
            if (p->step != CLOSED && time > p->began + PATIENCE) lose(p, "takes too long");
            live += p->step != CLOSED;
        }
        turn(SECOND / 200);
    } while (live);
    double lasted = since(began), busy = (own_cpu() - own) / lasted;
    settle(0.2, 1); /* what is left to do for those who are gone */
    report(cycles, lasted, cycles ? all_cpu() / cycles : 0, 0, busy);
}

static void idle(void) {
    double before = all_memory();
    connect_all();
    settle(1, 10);
    double each = (all_memory() - before) / people_count, own = own_cpu();
    reset();
    uint64_t began = now();
    while (since(began) < seconds) turn(SECOND / 20);
    double lasted = since(began);
    report((uint64_t)ready_count, lasted, each, 0, (own_cpu() - own) / lasted);
}

/* -- who is where ----------------------------------------------------------------------------- */

/* The members of a channel are spread over all ports; the last of them are those who talk, and
 * unless all are witnesses, the first one on each port is. */
static void place_talkers(void) {
    int witnesses = all_witness ? members : port_count < members ? port_count : members;
    for (ring = 64; ring < 2u * (unsigned)window; ring *= 2) continue;
    for (int i = 0; i < channels * members; i++) {
        struct person *p = &people[i];
        int member = i % members;
        p->group = i / members;
        p->port = ports[member % port_count];
        p->witness = member < witnesses;
        p->voice = member - (members - senders);
        p->tracks = zeroed((size_t)senders, sizeof *p->tracks);
        for (int k = 0; k < senders; k++) p->tracks[k].next = 1;
        if (p->voice < 0) {
            p->voice = -1;
            continue;
        }
        p->copies = members - !p->echo;
        p->witnesses = witnesses - (p->witness && !p->echo);
        p->witnessed = zeroed(ring, sizeof *p->witnessed);
        if (p->witnesses < 1) give_up("too few members, or too many who talk");
    }
    /* bystanders: in channels of their own, ten in each, where nobody says anything */
    for (int i = 0; i < bystanders; i++) {
        struct person *p = &people[channels * members + i];
        p->group = channels + i / 10;
        p->port = aside ? aside : ports[i % port_count];
        p->voice = -1;
    }
}

static int positive(const char *option, const char *value) {
    int number = atoi(value);
    if (number < 1) give_up("--%s wants a number above 0", option);
    return number;
}

__attribute__((noreturn)) static void usage(void) {
    puts("generator --mode talk|churn|idle --dialect slash|irc|tutorial|redis\n"
         "  --port PORT       where the server listens on 127.0.0.1; may be repeated\n"
         "  --pid PID         a process of the server's; may be repeated\n"
         "  --seconds T       that each measurement takes\n"
         "  --parallel N      connections that may be on their way in; in churn, that there are\n"
         "  --oper NAME PASS  who talks on IRC becomes an operator first (one argument)\n"
         "  --caps LIST       capabilities that people on IRC ask for (one argument); if it's\n"
         "                    repeated they ask for one list or another, in turn\n"
         "talk:\n"
         "  --channels N --members N --senders N    in all; of each channel; of these, who talk\n"
         "  --rate R          messages per second, 0: as fast as it goes, -1: none; may be repeated\n"
         "  --window N        messages under way, as fast as it goes\n"
         "  --all-witness     a message is under way until all have it, not one on each port\n"
         "  --bystanders N    people in other channels; --aside PORT: all of them there\n"
         "  --size N          bytes of a message\n"
         "churn: --repetitions N\n"
         "idle: --sessions N");
    exit(0);
}

static void read_options(int argc, char **argv) {
    enum { MODE = 1, DIALECT, PORT, PID, SECONDS, PARALLEL, OPER, CAPS, CHANNELS, MEMBERS, SENDERS,
           RATE, WINDOW, ALL_WITNESS, BYSTANDERS, ASIDE, SIZE, REPETITIONS, SESSIONS, HELP };
    static const struct option options[] = {
        {"mode", 1, 0, MODE}, {"dialect", 1, 0, DIALECT}, {"port", 1, 0, PORT}, {"pid", 1, 0, PID},
        {"seconds", 1, 0, SECONDS}, {"parallel", 1, 0, PARALLEL}, {"oper", 1, 0, OPER}, {"caps", 1, 0, CAPS},
        {"channels", 1, 0, CHANNELS}, {"members", 1, 0, MEMBERS}, {"senders", 1, 0, SENDERS},
        {"rate", 1, 0, RATE}, {"window", 1, 0, WINDOW}, {"all-witness", 0, 0, ALL_WITNESS},
        {"bystanders", 1, 0, BYSTANDERS}, {"aside", 1, 0, ASIDE}, {"size", 1, 0, SIZE},
        {"repetitions", 1, 0, REPETITIONS}, {"sessions", 1, 0, SESSIONS}, {"help", 0, 0, HELP},
        {0, 0, 0, 0}};
    static const char *const modes[] = {"talk", "churn", "idle"};
    int found, index = 0;
    while ((found = getopt_long(argc, argv, "", options, &index)) != -1) {
        const char *name = options[index].name;
        switch (found) {
        case MODE:
            for (mode = TALK; strcmp(modes[mode], optarg); mode++)
                if (mode == IDLE) give_up("there is no mode %s", optarg);
            break;
        case DIALECT:
            for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
                if (!strcmp(dialects[i].name, optarg)) dialect = &dialects[i];
            if (!dialect) give_up("there is no dialect %s", optarg);
            break;
        case PORT:
            if (port_count < MOST) ports[port_count++] = positive(name, optarg);
            break;
        case PID:
            if (pid_count < MOST) pids[pid_count++] = positive(name, optarg);
            break;
        case RATE:
            if (rate_count < MOST) rates[rate_count++] = atof(optarg);
            break;
        case SECONDS: seconds = atof(optarg); break;
        case PARALLEL: parallel = positive(name, optarg); break;
        case OPER: oper = optarg; break;
        case CAPS:
            if (caps_count < MOST) caps[caps_count++] = optarg;
            break;
        case CHANNELS: channels = positive(name, optarg); break;
        case MEMBERS: members = positive(name, optarg); break;
        case SENDERS: senders = positive(name, optarg); break;
        case WINDOW: window = positive(name, optarg); break;
        case ALL_WITNESS: all_witness = true; break;
        case BYSTANDERS: bystanders = positive(name, optarg); break;
        case ASIDE: aside = positive(name, optarg); break;
        case SIZE: size = positive(name, optarg); break;
        case REPETITIONS: repetitions = positive(name, optarg); break;
        case SESSIONS: sessions = positive(name, optarg); break;
        case HELP: usage();
        default: exit(2);
        }
    }
    if (!dialect || !port_count) give_up("--dialect and --port are needed; see --help");
    if (size < 60 || size > 400) give_up("--size must be 60 to 400"); /* IRC: 512 in all */
    if (senders > members) give_up("more people talk than there are");
    if (window > 30000) give_up("--window is 30000 at most");
    if (!rate_count) rates[rate_count++] = 0;
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    memset(padding, 'x', sizeof padding);
    poller = epoll_create1(EPOLL_CLOEXEC);
    reading = zeroed(READ_SIZE, 1);
    people_count = mode == TALK ? channels * members + bystanders
                   : mode == CHURN ? parallel : sessions;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if ((rlim_t)people_count + 20 > files.rlim_max) give_up("too few file descriptors");
    people = zeroed((size_t)people_count, sizeof *people);
    dirty = zeroed((size_t)people_count, sizeof(struct person *));
    for (int i = 0; i < people_count; i++) {
        people[i].fd = -1;
        people[i].voice = -1;
        people[i].port = ports[i % port_count];
        people[i].group = i % CHURNED_CHANNELS;
        people[i].caps = caps_count ? caps[i / port_count % caps_count] : "";
        people[i].echo = dialect->echo || strstr(people[i].caps, "echo-message");
        people[i].tagged = strstr(people[i].caps, "server-time");
    }
    if (mode == TALK) place_talkers();
    for (int i = 0; i < people_count; i++)
        snprintf(people[i].channel, sizeof people[i].channel, "#c%d", people[i].group);
    if (mode == TALK) {
        connect_all();
        probe();
        for (int i = 0; i < rate_count; i++) talk(rates[i]);
    } else if (mode == CHURN)
        for (int i = 0; i < repetitions; i++) churn();
    else
        idle();
    return 0;
}
