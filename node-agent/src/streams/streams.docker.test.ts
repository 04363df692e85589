import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, createServer, type Http2Server } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { CHANNELS, DOCKER_LABELS, encodeFrame, type Logger, readFrames, type Status, systemClock } from '@davit/api'
import { ContainerStore, connectDocker, type Docker } from '../docker/index.ts'
import { createStreamHandler } from './index.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const IMAGE = 'busybox:1.36'

describe('streams on Docker', { skip: !host }, () => {
  const stop = new AbortController()
  const made: string[] = []
  let docker: Docker
  let store: ContainerStore
  let watching: Promise<void>
  const servers: Http2Server[] = []
  let session: ClientHttp2Session
  let reached: string[] = []

  async function serve(containers: ContainerStore): Promise<ClientHttp2Session> {
    const server = createServer()
    const handler = createStreamHandler({
      docker,
      containers,
      reached: async version => void reached.push(version),
      nodePage: async path => ({ contentType: 'text/plain', text: path }),
      clock: systemClock,
      log,
      signal: stop.signal,
    })
    server.on('stream', handler)
    server.listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }

  before(async () => {
    docker = await connectDocker({ socketPath: host!.replace('unix://', ''), clusterId: `streams-${process.pid}`, nodeName: 'test', log })
    store = new ContainerStore(docker, { clock: systemClock, log })
    watching = store.run(stop.signal)
    session = await serve(store)
  })

  after(async () => {
    session?.destroy()
    for (const server of servers) server.close()
    for (const id of made) await docker.removeContainer(id)
    stop.abort()
    await watching
  })

  /** A running container as the agent makes them; pod uid and name are `pod`. */
  async function run(
    pod: string,
    command: string,
    { attempt = 0, tty = false }: { attempt?: number; tty?: boolean } = {},
  ): Promise<string> {
    const labels = {
      [DOCKER_LABELS.podUid]: pod,
      [DOCKER_LABELS.podName]: pod,
      [DOCKER_LABELS.container]: 'main',
      [DOCKER_LABELS.attempt]: String(attempt),
    }
    const id = await docker.createContainer(`streams-${process.pid}-${pod}-${attempt}`, {
      Image: IMAGE,
      Labels: { ...docker.labels, ...labels },
      Env: [],
      Cmd: ['sh', '-c', command],
      Tty: tty,
      OpenStdin: true,
      StdinOnce: false,
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [],
        RestartPolicy: { Name: 'no' },
        LogConfig: { Type: 'json-file', Config: {} },
        Ulimits: [],
        CgroupParent: '',
        Init: false,
        OomScoreAdj: 0,
      },
    })
    made.push(id)
    await docker.startContainer(id)
    await store.refresh(id)
    return id
  }

  async function open(method: string, path: string, through = session): Promise<{ status: number; stream: ClientHttp2Stream }> {
    const stream = through.request({ ':method': method, ':path': path }, { endStream: method === 'GET' })
    stream.on('error', () => {})
    const [headers] = await once(stream, 'response')
    return { status: Number(headers[':status']), stream }
  }

  async function refusal(method: string, path: string): Promise<{ status: number; message: string }> {
    const { status, stream } = await open(method, path)
    const { message = '' } = JSON.parse(await text(stream)) as Status
    return { status, message }
  }

  async function readLog(path: string): Promise<string> {
    const { status, stream } = await open('GET', path)
    assert.equal(status, 200)
    return text(stream)
  }

  async function ended(id: string): Promise<void> {
    await store.ended(id, AbortSignal.timeout(10_000))
  }

  async function channels(stream: Readable): Promise<Record<number, string>> {
    const texts: Record<number, string> = {}
    for await (const { channel, payload } of readFrames(stream)) texts[channel] = (texts[channel] ?? '') + payload.toString()
    return texts
  }

  function statusIn(texts: Record<number, string>): Status {
    return JSON.parse(texts[CHANNELS.error] ?? '{}') as Status
  }

  it('log: all, the tail, with times, limited, one stream only', async () => {
    await ended(await run('log', 'echo bad >&2; sleep 0.2; for i in 1 2 3; do echo line $i; done'))
    assert.deepEqual((await readLog('/log/d/log/log/main')).trim().split('\n').sort(), ['bad', 'line 1', 'line 2', 'line 3'])
    assert.equal(await readLog('/log/d/log/log/main?tailLines=1&stream=Stdout'), 'line 3\n')
    assert.equal(await readLog('/log/d/log/log/main?limitBytes=4&stream=Stdout'), 'line')
    assert.match(await readLog('/log/d/log/log/main?timestamps=true&stream=Stderr'), /^\d{4}-\d\d-\d\dT[\d:.]+Z bad\n$/)
    assert.equal(await readLog('/log/d/log/log/main?sinceTime=2100-01-01T00:00:00Z'), '')
  })

  it('log: follow ends when the container does, previous is the attempt before', async () => {
    await ended(await run('follow', 'echo first'))
    await run('follow', 'echo second; sleep 0.5; echo more', { attempt: 1 })
    assert.equal(await readLog('/log/d/follow/follow/main?follow=true'), 'second\nmore\n')
    assert.equal(await readLog('/log/d/follow/follow/main?previous=true'), 'first\n')
  })

  it('log: who goes away while following is let go', async () => {
    await run('quiet', 'sleep 60')
    const { stream } = await open('GET', '/log/d/quiet/quiet/main?follow=true')
    const closed = once(stream, 'close')
    stream.destroy()
    await closed
  })

  it('log: says what is missing', async () => {
    assert.deepEqual(await refusal('GET', '/log/d/none/none/main'), {
      status: 400,
      message: 'container "main" in pod "none" is waiting to start: ContainerCreating',
    })
  })

  it('exec: output, errors and the exit code', async () => {
    await run('exec', 'sleep 600')
    const { status, stream } = await open(
      'POST',
      '/exec/d/exec/exec/main?command=sh&command=-c&command=echo+out;echo+err+>%262;exit+3&stdout=true&stderr=true',
    )
    assert.equal(status, 200)
    const texts = await channels(stream)
    stream.end()
    assert.equal(texts[CHANNELS.stdout], 'out\n')
    assert.equal(texts[CHANNELS.stderr], 'err\n')
    assert.equal(statusIn(texts).reason, 'NonZeroExitCode')
    assert.deepEqual(statusIn(texts).details?.causes, [{ reason: 'ExitCode', message: '3' }])
  })

  it('exec: stdin goes in whole and can be half-closed', async () => {
    const { stream } = await open('POST', '/exec/d/exec/exec/main?command=md5sum&stdin=true&stdout=true')
    const zeros = Buffer.alloc(64 << 10)
    for (let count = 0; count < 100; count++) {
      if (!stream.write(encodeFrame(CHANNELS.stdin, zeros))) await once(stream, 'drain')
    }
    stream.write(encodeFrame(CHANNELS.close, Buffer.from([CHANNELS.stdin])))
    const texts = await channels(stream)
    stream.end()
    // Of 6,553,600 zero bytes.
    assert.equal(
      texts[CHANNELS.stdout]?.split(' ')[0],
      createHash('md5')
        .update(Buffer.alloc(100 << 16))
        .digest('hex'),
    )
    assert.equal(statusIn(texts).status, 'Success')
  })

  it('exec: a terminal has a size and one stream', async () => {
    const { stream } = await open(
      'POST',
      '/exec/d/exec/exec/main?command=sh&command=-c&command=read+x;stty+size;echo+err+>%262&stdin=true&stdout=true&stderr=true&tty=true',
    )
    stream.write(encodeFrame(CHANNELS.resize, Buffer.from('{"Width":90,"Height":30}')))
    stream.write(encodeFrame(CHANNELS.stdin, Buffer.from('go\n')))
    const texts = await channels(stream)
    stream.end()
    assert.match(texts[CHANNELS.stdout] ?? '', /30 90\r\nerr\r\n$/)
    assert.equal(texts[CHANNELS.stderr], undefined)
  })

  it('exec: a command whose client goes away is killed with its children', async () => {
    const { stream } = await open(
      'POST',
      '/exec/d/exec/exec/main?command=sh&command=-c&command=sleep+4711+%26+echo+$!;+sleep+4712&stdout=true',
    )
    await once(stream, 'data')
    const closed = once(stream, 'close')
    stream.destroy()
    await closed
    await until(async () => !/sleep 471/.test(await processes()))
  })

  /** What runs inside the container, by its own account. */
  async function processes(): Promise<string> {
    const { output } = await docker.exec(made.at(-1)!, ['sh', '-c', 'ps -o args'], { timeoutMs: 5000 })
    return output
  }

  async function until(check: () => Promise<boolean>): Promise<void> {
    while (!(await check())) await systemClock.sleep(20)
  }

  it('exec: refusals', async () => {
    assert.deepEqual(await refusal('POST', '/exec/d/none/none/main?command=a&stdout=true'), {
      status: 400,
      message: 'unable to upgrade connection: container not found ("main")',
    })
    assert.equal((await refusal('POST', '/exec/d/exec/exec/main?stdout=true')).status, 400)
    assert.equal((await refusal('POST', '/exec/d/exec/exec/main?command=a')).status, 400)
    assert.equal((await refusal('GET', '/exec/d/exec/exec/main?command=a')).status, 405)
    assert.equal((await refusal('GET', '/nothing')).status, 404)
  })

  it('exec: a program that is not there', async () => {
    const { stream } = await open('POST', '/exec/d/exec/exec/main?command=nothing-like-it&stdout=true&stderr=true')
    const texts = await channels(stream)
    stream.end()
    assert.match(statusIn(texts).details?.causes?.[0]?.message ?? '', /^12[67]$/)
  })

  it('attach: reads what the container writes, writes what it reads', async () => {
    await run('attach', 'read x; echo got $x; sleep 0.2; exit 0')
    const { stream } = await open('POST', '/attach/d/attach/attach/main?stdin=true&stdout=true&stderr=true')
    stream.write(encodeFrame(CHANNELS.stdin, Buffer.from('this\n')))
    const texts = await channels(stream)
    stream.end()
    assert.equal(texts[CHANNELS.stdout], 'got this\n')
    assert.equal(statusIn(texts).status, 'Success')
  })

  it('attach: ends where the container has ended and nobody knows it yet', async () => {
    const id = await run('late', 'sleep 600')
    const stale = new ContainerStore(docker, { clock: systemClock, log })
    await stale.refresh(id)
    const late = await serve(stale)
    await docker.killContainer(id, 'SIGKILL')
    await docker.raw.getContainer(id).wait()
    const { status, stream } = await open('POST', '/attach/d/late/late/main?stdin=true&stdout=true&stderr=true', late)
    assert.equal(status, 200)
    assert.equal(statusIn(await channels(stream)).status, 'Success')
    stream.end()
    late.destroy()
  })

  it("portforward: reaches the pod's own loopback, several times, and says when nobody listens", async () => {
    await run('port', 'ip link set lo up; echo hello > /tmp/index.html; httpd -f -p 127.0.0.1:8080 -h /tmp')
    const get = async () => {
      const { status, stream } = await open('POST', '/portforward/d/port/port?port=8080')
      if (status !== 200) return undefined
      stream.end('GET / HTTP/1.0\r\n\r\n')
      return text(stream)
    }
    // It takes a moment until it listens.
    let answer = await get()
    while (answer === undefined) answer = await get()
    assert.match(answer, /200 OK[\s\S]*hello\n$/)
    assert.match((await get()) ?? '', /hello\n$/)
    const { status, message } = await refusal('POST', '/portforward/d/port/port?port=8081')
    assert.equal(status, 503)
    assert.match(message, /^error forwarding port 8081 to pod port: .*ECONNREFUSED/)
    assert.equal((await refusal('POST', '/portforward/d/port/port?port=x')).status, 400)
    assert.equal((await refusal('POST', '/portforward/d/none/none?port=80')).status, 400)
  })

  it("dial: reaches what this host reaches, but never the host's own loopback", async () => {
    const addresses = Object.values(networkInterfaces()).flatMap(each => each ?? [])
    const address = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? ''
    const echo = createTcpServer({ allowHalfOpen: true }, socket => void socket.pipe(socket))
    echo.listen(0, '0.0.0.0')
    await once(echo, 'listening')
    const { port } = echo.address() as AddressInfo
    const { status, stream } = await open('POST', `/dial?address=${address}&port=${port}`)
    assert.equal(status, 200)
    stream.end('both ways')
    assert.equal(await text(stream), 'both ways')
    for (const own of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', '0.0.0.0', 'localhost']) {
      assert.deepEqual(await refusal('POST', `/dial?address=${own}&port=${port}`), { status: 400, message: 'address not allowed' })
    }
    echo.close()
    await once(echo, 'close')
    const message = `dial tcp ${address}:${port}: connect: connection refused`
    assert.deepEqual(await refusal('POST', `/dial?address=${address}&port=${port}`), { status: 503, message })
    assert.equal((await refusal('POST', `/dial?address=${address}&port=0`)).status, 400)
  })

  it('images: loads an archive, and says what is wrong with one', async () => {
    const put = async (archive: Buffer) => {
      const stream = session.request({ ':method': 'PUT', ':path': '/images' })
      stream.on('error', () => {})
      stream.end(archive)
      const [headers] = await once(stream, 'response')
      return { status: Number(headers[':status']), body: await text(stream) }
    }
    const archive = await buffer((await docker.raw.getImage(IMAGE).get()) as Readable)
    const { status, body } = await put(archive)
    assert.equal(status, 200)
    assert.match(body, /Loaded image: busybox:1\.36/)
    const wrong = await put(Buffer.alloc(1024, 'x'))
    assert.ok(wrong.status >= 400 || /"error"/.test(wrong.body), JSON.stringify(wrong))
  })

  it('ping and barrier', async () => {
    reached = []
    assert.equal((await open('GET', '/ping')).status, 204)
    assert.equal((await open('GET', '/barrier?resourceVersion=17')).status, 204)
    assert.deepEqual(reached, ['17'])
    assert.equal((await refusal('GET', '/barrier?resourceVersion=x')).status, 400)
  })
})
