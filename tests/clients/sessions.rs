//! Sessions by Python, for threads and for asyncio, and by Node: they live, change their ids, and end.

use crate::deployment::{Deployment, replaced};
use crate::lab::{Lab, clear, encrypted, printed};

/// The steps of one session's life; each line that is printed is a claim.
const PYTHON: &str = "
from dataclasses import replace
from redis_sessions import SessionStore
client = connect()
store = SessionStore(client)
session = store.create({'user': 7, 'note': 'MARK'})
loaded = store.load(session.id)
say('loads', loaded == session, 'MARK' not in repr(loaded) and session.id not in repr(loaded))
say('saves', store.save(replace(session, data={'user': 8})), store.load(session.id).data)
renewed = store.renew(session)
say('renews', renewed.data == session.data, renewed.id != session.id, store.load(session.id), store.load(renewed.id).created == session.created)
say('renews once', store.renew(session))
store.destroy(renewed.id)
say('ends', store.load(renewed.id), store.save(renewed), store.renew(renewed))
say('strangers', [store.load(text) for text in ['', '*', 'x' * 43 + '\\n', '../' * 14 + 'a', 'ü' * 43, None, 7, b'x' * 43]])
for wrong in [{'x': 'a' * 70000}, {'x': float('nan')}, {'x': object()}]:
    try:
        say('stored', store.create(wrong))
    except (ValueError, TypeError) as error:
        say('refused')
";

const ASYNCIO: &str = "
from dataclasses import replace
from redis_sessions import AsyncSessionStore
async def main():
    client = connect_async()
    store = AsyncSessionStore(client)
    session = await store.create({'user': 7, 'note': 'MARK'})
    loaded = await store.load(session.id)
    say('loads', loaded == session, 'MARK' not in repr(loaded) and session.id not in repr(loaded))
    say('saves', await store.save(replace(session, data={'user': 8})), (await store.load(session.id)).data)
    renewed = await store.renew(session)
    say('renews', renewed.data == session.data, renewed.id != session.id, await store.load(session.id), (await store.load(renewed.id)).created == session.created)
    say('renews once', await store.renew(session))
    await store.destroy(renewed.id)
    say('ends', await store.load(renewed.id), await store.save(renewed), await store.renew(renewed))
    say('strangers', [await store.load(text) for text in ['', '*', 'x' * 43 + '\\n', '../' * 14 + 'a', 'ü' * 43, None, 7, b'x' * 43]])
    for wrong in [{'x': 'a' * 70000}, {'x': float('nan')}, {'x': object()}]:
        try:
            say('stored', await store.create(wrong))
        except (ValueError, TypeError) as error:
            say('refused')
    await client.aclose()
asyncio.run(main())
";

const EXPECTED: &str = "loads True True
saves True {'user': 8}
renews True True None True
renews once None
ends None False None
strangers [None, None, None, None, None, None, None, None]
refused
refused
refused";

const NODE: &str = "
const client = await connect();
const store = new SessionStore(client);
const session = await store.create({ user: 7 });
say('loads', JSON.stringify(await store.load(session.id)) === JSON.stringify(session));
say('saves', await store.save({ ...session, data: { user: 8 } }), (await store.load(session.id)).data.user);
const renewed = await store.renew(session);
say('renews', renewed.data.user, renewed.id !== session.id, await store.load(session.id), (await store.load(renewed.id)).created === session.created);
say('renews once', await store.renew(session));
await store.destroy(renewed.id);
say('ends', await store.load(renewed.id), await store.save(renewed), await store.renew(renewed));
for (const text of ['', '*', 'x'.repeat(43) + '\\n', '../'.repeat(14) + 'a', 'ü'.repeat(43), null, 7, {}]) say(await store.load(text));
say(await store.create({ x: 'a'.repeat(70000) }).catch(() => 'refused'));
process.exit();
";

#[test]
fn a_session_lives_and_ends() {
    for profile in [clear(), encrypted()] {
        let deployment = Deployment::build(&profile);
        let lab = Lab::new(&deployment);
        for script in [PYTHON, ASYNCIO] {
            assert_eq!(printed(&mut lab.python(script)), EXPECTED);
        }
        if profile == clear() {
            let said = printed(&mut lab.node(NODE));
            let strangers = "null\n".repeat(8);
            assert_eq!(
                said,
                format!(
                    "loads true\nsaves true 8\nrenews 7 true null true\nrenews once null\nends null false null\n{strangers}refused"
                )
            );
        }
        // All of that with seven commands and those of a connection: nothing was refused, nothing is left.
        assert_eq!(lab.admin("acl log"), "");
        assert_eq!(lab.admin("dbsize"), "0");
    }
}

/// Idle sessions end, used ones live on, and none lives longer than its lifetime, whatever Redis thinks.
#[test]
fn time_ends_sessions() {
    const PYTHON: &str = "
from redis_sessions import SessionStore
client = connect()
idle = SessionStore(client, idle=2, lifetime=60)
short, used = idle.create({'a': 1}), idle.create({'a': 2})
brief = SessionStore(client, idle=3, lifetime=3)
over = brief.create({'a': 3})
for _ in range(3):
    time.sleep(1)
    kept = idle.load(used.id)
say(idle.load(short.id), kept.data, idle.load(used.id).data)
brief.load(over.id)
time.sleep(1.5)
say(brief.load(over.id), 'over')
for wrong in [(0, 1), (2, 1)]:
    try:
        SessionStore(client, *wrong)
    except ValueError:
        say('refused')
# What no longer ends in Redis: a dump that was put back, or PERSIST.
kept = brief.create({'a': 4})
say(kept.id)
input()
time.sleep(4.5)
say(client.exists('user::session:' + __import__('hashlib').sha256(kept.id.encode()).hexdigest()), brief.load(kept.id))
";
    const ASYNCIO: &str = "
from redis_sessions import AsyncSessionStore
async def main():
    client = connect_async()
    idle = AsyncSessionStore(client, idle=2, lifetime=60)
    short, used = await idle.create({'a': 1}), await idle.create({'a': 2})
    brief = AsyncSessionStore(client, idle=3, lifetime=3)
    over = await brief.create({'a': 3})
    for _ in range(3):
        await asyncio.sleep(1)
        kept = await idle.load(used.id)
    say(await idle.load(short.id), kept.data, (await idle.load(used.id)).data)
    await brief.load(over.id)
    await asyncio.sleep(1.5)
    say(await brief.load(over.id), 'over')
    for wrong in [(0, 1), (2, 1)]:
        try:
            AsyncSessionStore(client, *wrong)
        except ValueError:
            say('refused')
    kept = await brief.create({'a': 4})
    say(kept.id)
    input()
    await asyncio.sleep(4.5)
    say(await client.exists('user::session:' + __import__('hashlib').sha256(kept.id.encode()).hexdigest()), await brief.load(kept.id))
    await client.aclose()
asyncio.run(main())
";
    const NODE: &str = "
const client = await connect();
const idle = new SessionStore(client, { idle: 2, lifetime: 60 });
const [short, used] = [await idle.create({ a: 1 }), await idle.create({ a: 2 })];
const brief = new SessionStore(client, { idle: 3, lifetime: 3 });
const over = await brief.create({ a: 3 });
for (let turn = 0; turn < 3; turn += 1) {
  await sleep(1000);
  await idle.load(used.id);
}
say(await idle.load(short.id), (await idle.load(used.id)).data.a);
await brief.load(over.id);
await sleep(1500);
say(await brief.load(over.id));
process.exit();
";
    for profile in [clear(), encrypted()] {
        let deployment = Deployment::build(&profile);
        let lab = Lab::new(&deployment);
        let mut all = [PYTHON, ASYNCIO].map(|script| crate::lab::Steps::start(&mut lab.python(script)));
        for steps in &mut all {
            for line in ["None {'a': 2} {'a': 2}", "None over", "refused", "refused"] {
                assert_eq!(steps.said(), line);
            }
            let key = format!("user::session:{}", sha256(&steps.said()));
            assert_eq!(lab.admin(&format!("persist {key}")), "1");
            steps.line("");
        }
        for steps in &mut all {
            assert_eq!(steps.said(), "1 None");
        }
        if profile == clear() {
            assert_eq!(printed(&mut lab.node(NODE)), "null 2\nnull");
        }
    }
}

fn sha256(text: &str) -> String {
    redisgen::lock::sha256(text.as_bytes())
}

/// Who lists all keys, or reads all values, gets no id to log in with.
#[test]
fn ids_are_not_in_redis() {
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let said = printed(&mut lab.python(
        "
from redis_sessions import SessionStore
for _ in range(50): say(SessionStore(connect()).create({}).id)
",
    ));
    let ids: Vec<&str> = said.lines().collect();
    let keys = lab.admin("keys *");
    assert_eq!(keys.lines().count(), 50, "{keys}");
    let values: String = keys.lines().map(|key| lab.admin(&format!("get {key}"))).collect();
    for id in ids {
        assert!(id.len() == 43 && !keys.contains(id) && !values.contains(id));
        assert!(keys.contains(&sha256(id)), "the control: {id}");
    }
}

/// Commands decide: a user that may not keep sessions gets a client and no store, and the file says what it lacks.
#[test]
fn no_sessions_without_the_commands() {
    let less = replaced(&clear(), "+setex, +del, +expire", "+setex");
    let deployment = Deployment::build(&less);
    let client = |name: &str| deployment.out().join("client").join(name);
    for (module, comment) in [
        ("python/redis_client.py", "# There is no redis_sessions.py: the user lacks del, expire."),
        ("node/redis_client.mjs", "// There is no redis_sessions.mjs: the user lacks del, expire."),
    ] {
        let text = std::fs::read_to_string(client(module)).expect("module");
        assert!(text.contains(comment), "{text}");
    }
    assert!(!client("python/redis_sessions.py").exists() && !client("node/redis_sessions.mjs").exists());
    let lab = Lab::new(&deployment);
    assert_eq!(printed(&mut lab.python("say(connect().set(key('user', '1'), 'x'))")), "True");
}
