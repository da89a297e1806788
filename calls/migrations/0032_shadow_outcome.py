"""Legs, counts and decisions know the outcome of a leg in shadow mode."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0031_mailed_months'),
    ]

    operations = [
        migrations.AlterField(
            model_name='causedecision',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='dailydimensioncount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='dailypersoncount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='dailyqueuecount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='hourlydimensioncount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='leg',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='monthlydimensioncount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
        migrations.AlterField(
            model_name='monthlypersoncount',
            name='outcome',
            field=models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up'), ('shadow', 'shadow')], max_length=20),
        ),
    ]
